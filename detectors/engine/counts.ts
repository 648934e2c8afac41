/** What a stage counts for self-telemetry. Not part of its state: a restart counts what it reads again. */
export interface StageCounts {
  rows: number
  /** Rows of deliveries that came before. */
  duplicates: number
  /** Calls whose window was closed, and calls too far ahead of the log to have one. */
  late: number
  ahead: number
  /** Records of the topic that this program cannot read. */
  unreadable: number
  /** Row groups that went to a common pair for want of room. */
  folded: number
  /** Pairs forgotten for want of room. */
  evicted: number
  windows: number
  findings: number
}

export function emptyCounts(): StageCounts {
  return { rows: 0, duplicates: 0, late: 0, ahead: 0, unreadable: 0, folded: 0, evicted: 0, windows: 0, findings: 0 }
}
