/** The capped lists of a window: what an entry is made of, and how two are one. */
import type { Reporter } from '../../core/call.ts'
import { type DenialTally, type MismatchTally, OTHER, type PathTally, type TlsTally, WINDOW_CAPS } from '../window.ts'
import { type CappedOptions, SmallestTexts } from './capped.ts'

export interface TlsEntry extends TlsTally {
  hash: number
  sources: SmallestTexts
}

const EMPTY_SPAN = { count: 0, first: Number.POSITIVE_INFINITY, last: 0 }

export interface Span {
  count: number
  first: number
  last: number
}

export function addSpan(into: Span, from: Span): void {
  into.count += from.count
  into.first = Math.min(into.first, from.first)
  into.last = Math.max(into.last, from.last)
}

export const DENIALS: CappedOptions<DenialTally> = {
  cap: WINDOW_CAPS.denials,
  rest: ['', OTHER, ''],
  make: ([reporter, kind, policy, rule]) => ({
    reporter: reporter as Reporter,
    kind: kind as DenialTally['kind'],
    policy: policy!,
    rule: rule!,
    ...EMPTY_SPAN,
  }),
  merge: addSpan,
}

export const MISMATCHES: CappedOptions<MismatchTally> = {
  cap: WINDOW_CAPS.mismatches,
  rest: [OTHER, OTHER, ''],
  make: ([address, addressIdentity, peerSerial]) => ({
    address: address!,
    addressIdentity: addressIdentity!,
    peerSerial: peerSerial!,
    ...EMPTY_SPAN,
  }),
  merge: addSpan,
}

export const TLS: CappedOptions<TlsEntry> = {
  cap: WINDOW_CAPS.tls,
  rest: [OTHER],
  make: ([failure, rejectedBy, reporter, addressIdentity]) => ({
    reporter: reporter as Reporter,
    failure: failure as TlsTally['failure'],
    rejectedBy: rejectedBy as TlsTally['rejectedBy'],
    ...EMPTY_SPAN,
    peerIssuer: '',
    peerSerial: '',
    peerNotAfter: 0,
    detail: '',
    addresses: [],
    addressIdentity: addressIdentity!,
    hash: Number.POSITIVE_INFINITY,
    sources: new SmallestTexts(WINDOW_CAPS.identities),
  }),
  merge: mergeTls,
}

export const PATHS: CappedOptions<PathTally> = {
  cap: WINDOW_CAPS.paths,
  rest: [OTHER, OTHER],
  make: ([method, route]) => ({
    method: method!,
    route: route!,
    bySource: 0,
    byDestination: 0,
    notFound: 0,
    denied: 0,
    forbidden: 0,
    forbiddenOk: 0,
    forbiddenOkBySource: 0,
    allowed: 0,
    reason: '',
    first: Number.POSITIVE_INFINITY,
    last: 0,
  }),
  merge: mergePath,
}

export function textsOf(text: string): SmallestTexts {
  const texts = new SmallestTexts(1)
  texts.add(text)
  return texts
}

export function mergeTls(into: TlsEntry, from: TlsEntry): void {
  addSpan(into, from)
  into.sources.addAll(from.sources.sorted())
  const words = (entry: TlsEntry) =>
    JSON.stringify([entry.peerIssuer, entry.peerSerial, entry.detail, entry.peerNotAfter])
  if (from.hash < into.hash || (from.hash === into.hash && words(from) < words(into))) {
    const { hash, peerIssuer, peerSerial, peerNotAfter, detail } = from
    Object.assign(into, { hash, peerIssuer, peerSerial, peerNotAfter, detail })
  }
}

function mergePath(into: PathTally, from: PathTally): void {
  for (const name of PATH_COUNTS) into[name] += from[name]
  into.first = Math.min(into.first, from.first)
  into.last = Math.max(into.last, from.last)
  if (into.reason === '' || (from.reason !== '' && from.reason < into.reason)) into.reason = from.reason
}

const PATH_COUNTS = [
  'bySource',
  'byDestination',
  'notFound',
  'denied',
  'forbidden',
  'forbiddenOk',
  'forbiddenOkBySource',
  'allowed',
] as const

export function pathCount(path: PathTally): number {
  return Math.max(path.bySource, path.byDestination)
}
