import { jsonRecord } from '../core/bus/json-record.ts'

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
