import type { TopicSpec } from './bus.ts'

/** Topic names. What each holds and how it is partitioned: docs/architecture.md. */
export const TOPIC = {
  /** Blocks of calls and collectors' ticks, by destination service. */
  calls: 'eastwatch.calls',
  /** Closed windows and stage 1's ticks, by source. */
  windows: 'eastwatch.windows',
  /** Findings and stage 2's ticks, by incident fingerprint. */
  findings: 'eastwatch.findings',
  /** Changes of incidents, by fingerprint, and alerts' ticks. */
  incidents: 'eastwatch.incidents',
  /** What could not be read, with the reason, by source. */
  rejected: 'eastwatch.rejected',
  /** Identities that collectors have learned, by address. */
  names: 'eastwatch.names',
} as const

/**
 * Findings, and incidents, have one partition each: grouping, silences, inhibition, the limit of a receiver and the summary of a storm look
 * at all incidents at once (docs/decisions/041-one-partition-of-alerts.md).
 */
const UNDIVIDED: readonly string[] = [TOPIC.findings, TOPIC.incidents]

/** Has no ticks: what reads it commits what it has read, without waiting for the log's time. */
const UNTIMED: readonly string[] = [TOPIC.rejected, TOPIC.names]

/** Whether a record comes each second as long as collectors run, and readers may wait for it to commit. */
export function hasTicks(topic: string): boolean {
  return !UNTIMED.includes(topic)
}

/** The others share one partition count: state stays on its input's partition number. */
export function topicSpecs(partitions: number): TopicSpec[] {
  return Object.values(TOPIC).map((name) => ({ name, partitions: UNDIVIDED.includes(name) ? 1 : partitions }))
}

/** Partition of a text key: FNV-1a over UTF-16 units, folded by a finaliser so that few partitions spread well. */
export function partitionOf(key: string, partitions: number): number {
  if (partitions === 1) return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  return (hash >>> 0) % partitions
}
