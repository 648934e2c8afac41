/** What is sent: the demo's shop under attack from its first minute, cut into stretches of time and small OTLP bodies. */
import { HOUR, MINUTE, SECOND } from '../../core/clock.ts'
import type { AccessLog, Attributes } from '../../demo/access-log.ts'
import { encodeLogs } from '../../demo/otlp.ts'
import { simulate } from '../../demo/simulation.ts'

export interface Stretch {
  /** Epoch microseconds: the time is so while its records are sent, and is written into the log after them. */
  untilUs: number
  bodies: Buffer[]
}

/** A whole hour, so recent that nothing is past its TTL and nothing is ahead of the machine's clock. */
export function originUs(): number {
  return Math.floor((Date.now() * 1000) / HOUR) * HOUR - 4 * HOUR
}

/** Everything the sidecars report of the first minutes; denial burst, scan, bad certificates, a forbidden path, a thief. */
export function storyRecords(minutes: number, origin: number): AccessLog[] {
  const records: AccessLog[] = []
  for (const minute of simulate({ seed: 7, attacks: true, days: 0 }, origin)) {
    records.push(...minute.records)
    if (minute.untilUs >= minutes * MINUTE) return records
  }
  return records
}

/** Epoch microseconds at which a record's call ended, where it tells: its sidecar writes it then. */
export function endOf({ startUs, attributes }: AccessLog): number {
  const durationUs = [Number(attributes.duration_us), Number(attributes.duration) * 1000].find(
    (us) => !Number.isNaN(us),
  )
  return startUs + (durationUs ?? 0)
}

/** A record that has nothing of a proxy's record in it. */
export function unreadable({ pod, startUs, attributes }: AccessLog): AccessLog {
  const nothing = Object.fromEntries(Object.keys(attributes).map((key) => [key, '-'])) as Attributes
  return { pod, startUs, attributes: nothing }
}

export interface Cut {
  origin: number
  minutes: number
  stretchSeconds: number
  recordsPerBody: number
  /** When a record arrives, epoch microseconds; at its end by default. */
  arrival?: (record: AccessLog) => number
}

/** Records by arrival, in stretches that leave no time out. */
export function stretches(records: readonly AccessLog[], cut: Cut): Stretch[] {
  const { origin, minutes, stretchSeconds, recordsPerBody, arrival = endOf } = cut
  const lengthUs = stretchSeconds * SECOND
  const count = Math.ceil((minutes * MINUTE) / lengthUs) + 1
  const byStretch: { at: number; record: AccessLog }[][] = Array.from({ length: count }, () => [])
  for (const record of records) {
    const at = arrival(record)
    const index = Math.min(Math.max(Math.floor((at - origin) / lengthUs), 0), count - 1)
    byStretch[index]!.push({ at, record })
  }
  return byStretch.map((arrived, i) => {
    const ordered = arrived.sort((a, b) => a.at - b.at).map(({ record }) => record)
    const bodies: Buffer[] = []
    for (let at = 0; at < ordered.length; at += recordsPerBody) {
      bodies.push(encodeLogs(ordered.slice(at, at + recordsPerBody)))
    }
    return { untilUs: origin + (i + 1) * lengthUs, bodies }
  })
}

/** Time without records, long enough that incidents which end by quiet have ended. */
export function quietTail(from: number): Stretch[] {
  return Array.from({ length: 160 }, (_, i) => ({ untilUs: from + (i + 1) * 30 * SECOND, bodies: [] }))
}
