/**
 * Request bodies of the demo's shop: each call reported by both sidecars with the attributes of deploy/envoy/access-log.yaml.
 * Made once; before each sending their times and ids are written anew in place, so that no two deliveries are alike and ids
 * compress no better than real ones.
 */
import { randomBytes } from 'node:crypto'
import { SECOND } from '../core/clock.ts'
import type { AccessLog } from '../demo/access-log.ts'
import { encodeLogs } from '../demo/otlp.ts'
import { seeded } from '../demo/random.ts'
import { Traffic } from '../demo/traffic.ts'
import { FRAME_BYTES, framed } from './load-sender.ts'

export const RECORDS_PER_BODY = 500

/** Epoch microseconds at which the bodies' calls end as they are made: within the second after it. */
const ORIGIN_US = 1_800_000_000 * SECOND

export interface ShopBody {
  bytes: Buffer
  /** The same memory behind its gRPC frame. */
  message: Buffer
  /** Where the records' times are: eight bytes of nanoseconds each. */
  times: { at: number; us: number }[]
  /** Where each request id or trace id is; both records of a call have the same. */
  ids: { ats: number[]; length: number }[]
}

/** Bodies that differ in their calls. */
export function shopBodies(count: number): ShopBody[] {
  const traffic = new Traffic(seeded(1), ORIGIN_US)
  const bodies: ShopBody[] = []
  let records: AccessLog[] = []
  while (bodies.length < count) {
    for (const record of traffic.minute(0, SECOND, () => {})) records.push(record)
    if (records.length < RECORDS_PER_BODY) continue
    bodies.push(bodyOf(records.slice(0, RECORDS_PER_BODY)))
    records = records.slice(RECORDS_PER_BODY)
  }
  return bodies
}

/** The body's calls end in the second before `nowUs`, under ids never used before. */
export function renew({ bytes, times, ids }: ShopBody, nowUs: number): void {
  const shift = nowUs - SECOND - ORIGIN_US
  for (const { at, us } of times) bytes.writeBigUInt64LE(BigInt(us + shift) * 1000n, at)
  const fresh = Buffer.from(randomBytes(ids.length * 16).toString('hex'), 'latin1')
  ids.forEach(({ ats, length }, i) => {
    for (const at of ats) fresh.copy(bytes, at, i * 32, i * 32 + Math.min(length, 32))
  })
}

function bodyOf(records: readonly AccessLog[]): ShopBody {
  const message = framed(encodeLogs(records))
  const bytes = message.subarray(FRAME_BYTES)
  const times = timesIn(bytes, new Set(records.map(({ startUs }) => startUs)))
  const ids = new Map<string, ShopBody['ids'][number]>()
  for (const { 0: text, index } of bytes.toString('latin1').matchAll(ID)) {
    const known = ids.get(text)
    if (known === undefined) ids.set(text, { ats: [index], length: text.length })
    else known.ats.push(index)
  }
  if (times.length !== records.length) throw new Error(`${times.length} times found in ${records.length} records`)
  return { bytes, message, times, ids: [...ids.values()] }
}

/** A UUID, or a trace id. */
const ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}/g

/** `time_unix_nano`: field 1 as fixed64. */
const TIME_TAG = (1 << 3) | 1

function timesIn(bytes: Buffer, wanted: ReadonlySet<number>): ShopBody['times'] {
  const times: ShopBody['times'] = []
  for (let tag = bytes.indexOf(TIME_TAG); tag >= 0 && tag + 9 <= bytes.length; tag = bytes.indexOf(TIME_TAG, tag + 1)) {
    const us = Number(bytes.readBigUInt64LE(tag + 1) / 1000n)
    if (wanted.has(us)) times.push({ at: tag + 1, us })
  }
  return times
}
