/** What a channel sends, and the contract of a channel. One file per channel beside this one; all listed in registry.ts. */
import type { IncidentRecord } from '../../storage/incident-records.ts'
import type { Reason } from '../decide.ts'
import type { StormSummary } from '../storm.ts'

/** One message to one receiver. `id` is its dedup key: the same for every attempt, restarts included. */
export type Notice = IncidentNotice | SummaryNotice

export interface IncidentNotice {
  type: 'incident'
  id: string
  reason: Exclude<Reason, 'none'>
  record: IncidentRecord
}

/** Stands for changes of many incidents. */
export interface SummaryNotice {
  type: 'summary'
  id: string
  summary: StormSummary
}

export interface Channel {
  /**
   * Makes one attempt. `seconds`: time of the attempt, since the epoch. Resolves once the receiver has taken it. Rejects with a
   * PipelineError that says whether and when another attempt is worth it, and never holds a secret; never repeats by itself.
   */
  send(notice: Notice, seconds: number, signal: AbortSignal): Promise<void>
}
