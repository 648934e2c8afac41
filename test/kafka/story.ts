/** What is played to processes on Kafka: the shop under attack, one pair far busier than all others, one service without identities. */
import { MINUTE, SECOND } from '../../core/clock.ts'
import type { AccessLog } from '../../demo/access-log.ts'
import { type Stretch, storyRecords, stretches, unreadable } from '../e2e/traffic.ts'

/** Less than the 5 s by which one collector's time may lead the others' (core/watermark.ts): here they tick one after the other. */
const STRETCH_SECONDS = 4
const RECORDS_PER_BODY = 100
const QUIET_MINUTES = 4
/** Of all records, at least. */
export const BUSIEST_SHARE = 0.4
const APART_US = 700_000
/** Every so manieth record has one behind it that nobody can read. */
const UNREADABLE_EVERY = 200

export interface Story {
  /** That become calls. */
  records: AccessLog[]
  /** Beside them, such as are rejected. */
  rejected: number
  /** Of the pair that has most. */
  busiest: number
  /** Whose proxies know no peer. */
  nameless: number
  stretches: Stretch[]
}

export function story(origin: number, minutes: number): Story {
  const records = storyRecords(minutes, origin).map(withoutIdentities)
  const pair = records.filter(isOfBusiestPair)
  let busiest = pair.length
  for (let nth = 1; busiest < BUSIEST_SHARE * records.length; nth += 1) {
    records.push(...pair.map((record) => copy(record, nth)))
    busiest += pair.length
  }
  const cut = { origin, minutes: minutes + 1, stretchSeconds: STRETCH_SECONDS, recordsPerBody: RECORDS_PER_BODY }
  const broken = records.filter((_, i) => i % UNREADABLE_EVERY === 0).map(unreadable)
  const told = stretches([...records, ...broken], cut)
  return {
    records,
    rejected: broken.length,
    busiest,
    nameless: records.filter(isOfNameless).length,
    stretches: [...told, ...quiet(told.at(-1)!.untilUs)],
  }
}

/** Windows close, incidents of rates resolve. */
function quiet(from: number): Stretch[] {
  const count = (QUIET_MINUTES * MINUTE) / (STRETCH_SECONDS * SECOND)
  return Array.from({ length: count }, (_, i) => ({ untilUs: from + (i + 1) * STRETCH_SECONDS * SECOND, bodies: [] }))
}

function isOfBusiestPair({ pod, attributes }: AccessLog): boolean {
  if (attributes.request_id === '-') return false
  if (pod.service === 'frontend') return attributes.authority.startsWith('cart.')
  return pod.service === 'cart' && attributes.downstream_peer_uri_san.endsWith('/frontend')
}

function copy({ pod, startUs, attributes }: AccessLog, nth: number): AccessLog {
  const request_id = `${nth.toString(16).padStart(3, '0')}${attributes.request_id.slice(3)}`
  return { pod, startUs: startUs + nth * APART_US, attributes: { ...attributes, request_id } }
}

function isOfNameless({ pod }: AccessLog): boolean {
  return pod.service === 'catalog'
}

/** As a proxy writes whose access log format lacks the four SAN operators. */
function withoutIdentities(record: AccessLog): AccessLog {
  if (!isOfNameless(record)) return record
  const missing = {
    downstream_peer_uri_san: '-',
    downstream_local_uri_san: '-',
    upstream_local_uri_san: '-',
    upstream_peer_uri_san: '-',
    downstream_peer_subject: '-',
  }
  return { ...record, attributes: { ...record.attributes, ...missing } }
}
