/** A busier pair with something in between: enough calls a window that half an hour teaches what is usual. */
import { MINUTE, SECOND } from '../../core/clock.ts'
import type { AccessLog } from '../../demo/access-log.ts'

const ADDED_US = 8000
/** So many copies of each call besides it, so far apart. */
const COPIES = 2
const APART_US = 3.3 * SECOND

/** The records, with frontend's calls to cart made thrice as many, and slower between the two proxies from minute `from` on. */
export function withInterception(records: readonly AccessLog[], origin: number, from: number): AccessLog[] {
  return records.flatMap((record) => {
    if (!isWatched(record)) return [record]
    const all = [record, ...Array.from({ length: COPIES }, (_, i) => copy(record, i + 1))]
    return all.map((one) => (isCaller(one) && one.startUs >= origin + from * MINUTE ? slower(one) : one))
  })
}

function isCaller({ pod, attributes }: AccessLog): boolean {
  return pod.service === 'frontend' && attributes.authority.startsWith('cart.')
}

function isWatched(record: AccessLog): boolean {
  const { pod, attributes } = record
  const called = pod.service === 'cart' && attributes.downstream_peer_uri_san.endsWith('/frontend')
  return attributes.request_id !== '-' && (isCaller(record) || called)
}

function copy({ pod, startUs, attributes }: AccessLog, nth: number): AccessLog {
  const request_id = `${nth}${attributes.request_id.slice(1)}`
  return { pod, startUs: startUs + nth * APART_US, attributes: { ...attributes, request_id } }
}

function slower({ pod, startUs, attributes }: AccessLog): AccessLog {
  const duration_us = String(Number(attributes.duration_us) + ADDED_US)
  const duration = String(Math.floor(Number(duration_us) / 1000))
  return { pod, startUs, attributes: { ...attributes, duration, duration_us } }
}
