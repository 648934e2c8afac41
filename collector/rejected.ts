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

const MAGIC = Buffer.from('EWR1')

/** Rejected records of one delivery as one bus record. */
export function encodeRejected(rejected: readonly Rejected[]): Uint8Array {
  return Buffer.concat([MAGIC, Buffer.from(JSON.stringify(rejected))])
}

export function decodeRejected(value: Uint8Array): Rejected[] | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.length < 4 || MAGIC.compare(bytes, 0, 4) !== 0) return undefined
  return JSON.parse(bytes.toString('utf8', 4)) as Rejected[]
}
