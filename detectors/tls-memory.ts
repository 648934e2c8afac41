/** What is remembered of handshakes, of a pair and of a destination. Plain data, bounded. */
import { MINUTE } from '../core/clock.ts'
import { type Presented, presentedLately } from './certificate-serials.ts'
import type { WindowGroup } from './detector.ts'
import { fingerprint53 } from './hash.ts'
import type { RateModel } from './stats/rate-model.ts'
import { failureClass, type TlsFailures } from './tls-count.ts'
import type { PairWindow } from './window.ts'

/** Failures of the last minute. */
type Recent = [failure: string, start: number, count: number][]

export interface PairMemory {
  /** Good handshakes or calls under mutual TLS. */
  mutual: number
  lastPlaintext: number
  rate?: RateModel
  recent?: Recent
  held?: { failure: string; start: number }
}

export interface DestinationMemory {
  /** Callers that failed lately: class, fingerprint of the pair, window. */
  failing: [failure: string, pair: number, start: number][]
  /** Issuers of callers' certificates, and when each was first seen. */
  issuers: [issuer: string, since: number][]
  recent?: Recent
  /** Certificates presented lately, absent where none was out of place or refused. */
  presented?: Presented[]
}

/** Callers fail alike within so long of one another. */
export const FAN_US = 5 * MINUTE
const MAX_FANNED = 256
const MAX_ISSUERS = 16

export function pairMemory(group: WindowGroup, { key }: PairWindow): PairMemory {
  return group.pair<PairMemory>(key, () => ({ mutual: 0, lastPlaintext: 0 }))
}

export function destinationMemory(group: WindowGroup): DestinationMemory {
  return group.own<DestinationMemory>(() => ({ failing: [], issuers: [] }))
}

export function rememberIssuers(memory: DestinationMemory, group: WindowGroup): void {
  for (const { trust, peerIssuers } of group.windows) {
    if (trust === 'claimed') continue
    for (const issuer of peerIssuers) {
      const known = memory.issuers.some(([name]) => name === issuer)
      if (!known && memory.issuers.length < MAX_ISSUERS) memory.issuers.push([issuer, group.start])
    }
  }
}

/** Gives all that was presented lately, the windows of the group included. */
export function rememberPresented(memory: DestinationMemory, group: WindowGroup): readonly Presented[] {
  const presented = presentedLately(memory.presented ?? [], group.windows, group.start)
  if (presented.length > 0) memory.presented = presented
  else if (memory.presented !== undefined) delete memory.presented
  return presented
}

export function rememberFailing(
  memory: DestinationMemory,
  start: number,
  failing: readonly { window: PairWindow; failures: TlsFailures }[],
): void {
  memory.failing = memory.failing.filter(([, , at]) => at > start - FAN_US)
  for (const { window, failures } of failing) {
    if (memory.failing.length >= MAX_FANNED) return
    memory.failing.push([failureClass(failures.tally), fingerprint53(window.key), start])
  }
}

export function rememberPair(memory: PairMemory, window: PairWindow, start: number): void {
  const tally = window.tallies.find(({ reporter }) => reporter === 'destination')
  if (tally === undefined) return
  memory.mutual = Math.min(memory.mutual + tally.mutual, Number.MAX_SAFE_INTEGER)
  if (tally.plaintext > 0) memory.lastPlaintext = start
}

/** Adds to the class's failures of the last minute and gives their sum. */
export function addRecent(memory: { recent?: Recent }, failure: string, start: number, count: number): number {
  const kept = (memory.recent ?? []).filter(([, at]) => at > start - MINUTE)
  kept.push([failure, start, count])
  memory.recent = kept.slice(-MAX_FANNED)
  return kept.reduce((sum, [name, , n]) => (name === failure ? sum + n : sum), 0)
}
