/**
 * Which workloads' addresses presented a certificate lately. A proxy's certificate never leaves its pod, so one serial at the
 * addresses of two identities is a copied key. Three things look the same and are left out:
 *
 *   counters      Linkerd numbers certificates from 1 in each replica of its issuer, and other CAs count as well: equal serials say
 *                 nothing there. Only serials too long to be a counter are compared (Istio's are 128 random bits).
 *   node proxies  ambient's ztunnel holds one certificate a service account and shows it for all its pods: several workloads or
 *                 addresses of one identity are no copy. Nor are replicas that share a mounted certificate.
 *   rotation      gives a new serial, and a restarted pod a new key: neither ever shows an old serial elsewhere. An address that was
 *                 given to another pod is left behind after ten minutes.
 */
import { MINUTE } from '../core/clock.ts'
import { fingerprint53 } from './hash.ts'
import { OTHER, type PairWindow } from './window.ts'

/** Serial (fingerprint), identity declared for the address, last window. */
export type Presented = [serial: number, addressIdentity: string, start: number]

const SPAN_US = 10 * MINUTE
const MAX_PRESENTED = 32
const MAX_PER_PLACE = 4
/** Sixteen hex digits after leading zeros: 64 bits, which no counter reaches. */
const UNIQUE = /^0*[1-9a-f][0-9a-f]{15,}$/

export function isUniqueSerial(serial: string): boolean {
  return UNIQUE.test(serial)
}

/** What was presented lately: what is kept of before, and what verified windows hold, refused as well as let in. */
export function presentedLately(
  before: readonly Presented[],
  windows: readonly PairWindow[],
  start: number,
): Presented[] {
  const kept = before.filter(([, , at]) => at > start - SPAN_US)
  for (const { trust, mismatches, tls } of windows) {
    if (trust === 'claimed') continue
    for (const { peerSerial, addressIdentity } of mismatches) note(kept, peerSerial, addressIdentity, start)
    for (const { reporter, peerSerial, addressIdentity } of tls) {
      if (reporter === 'destination') note(kept, peerSerial, addressIdentity, start)
    }
  }
  return kept
}

function note(kept: Presented[], peerSerial: string, addressIdentity: string, start: number): void {
  if (!isComparable(peerSerial, addressIdentity)) return
  const serial = fingerprint53(peerSerial)
  const same = kept.find((one) => one[0] === serial && one[1] === addressIdentity)
  if (same !== undefined) same[2] = start
  else {
    const here = kept.filter((one) => one[1] === addressIdentity)
    // Who shows many certificates pushes out none but his own.
    if (here.length >= MAX_PER_PLACE) kept.splice(kept.indexOf(here[0]!), 1)
    if (kept.length < MAX_PRESENTED) kept.push([serial, addressIdentity, start])
  }
}

function isComparable(peerSerial: string, addressIdentity: string): boolean {
  return addressIdentity !== '' && addressIdentity !== OTHER && isUniqueSerial(peerSerial)
}

/** Identities at whose addresses the certificate was presented beside the given one, sorted. */
export function alsoPresentedAt(
  presented: readonly Presented[],
  peerSerial: string,
  addressIdentity: string,
): string[] {
  if (!isComparable(peerSerial, addressIdentity)) return []
  const serial = fingerprint53(peerSerial)
  return presented
    .flatMap(([own, identity]) => (own === serial && identity !== addressIdentity ? [identity] : []))
    .sort()
}
