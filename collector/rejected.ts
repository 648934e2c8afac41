import type { Bus, Publication } from '../core/bus/bus.ts'
import { jsonRecord } from '../core/bus/json-record.ts'
import { partitionOf, TOPIC } from '../core/bus/topics.ts'

/** A record that could not be turned into a call, with the reason: nothing acknowledged ever vanishes. */
export interface Rejected {
  /** When the collector had it, epoch microseconds. */
  received: number
  sender: string
  trust: 'verified' | 'claimed'
  signal: 'logs' | 'traces' | 'metrics'
  /** Hex of the delivery it came in. */
  delivery: string
  /** Position of the record in its delivery. */
  position: number
  /** Machine-readable reason, e.g. `text_line_ambiguous`, `no_destination`, `nesting_too_deep`. */
  reason: string
  /** Plain sentence with the place and the limit. */
  detail: string
  /** Beginning of the record as text, at most 2 KiB, unprintable bytes escaped. */
  sample: string
}

const record = jsonRecord<readonly Rejected[]>('EWR1')
/** Rejected records of one delivery as the bus carries them. */
export const encodeRejected = record.encode
export const decodeRejected = record.decode

/** Of one sender. */
export function rejectedPublication(bus: Pick<Bus, 'partitions'>, rejected: readonly Rejected[]): Publication {
  const partition = partitionOf(rejected[0]!.sender, bus.partitions(TOPIC.rejected))
  return { topic: TOPIC.rejected, partition, value: encodeRejected(rejected) }
}
