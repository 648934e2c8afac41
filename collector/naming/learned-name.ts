/**
 * What is known of one address: the identity seen last, and when another one was. Times are whole minutes, so that what is known
 * is a function of the set of handshakes seen, whatever their order and however often each is told, and changes at most a few
 * times a minute.
 *
 * On the log: `EWN1`, then JSON, an array of `[address, identity, seen, disputed]`, at most 512 of them.
 */
import type { Publication } from '../../core/bus/bus.ts'
import { jsonRecord } from '../../core/bus/json-record.ts'
import { partitionOf, TOPIC } from '../../core/bus/topics.ts'

export interface LearnedName {
  address: string
  identity: string
  /** Last minute (since 1970) in which this identity was seen here; of two in one minute, the first by name. */
  seen: number
  /** Last minute in which another identity was seen here; 0 for never. */
  disputed: number
}

/** Names of one record of the log: some 50 KB, and a short transaction for its reader. */
export const MAX_NAMES_A_RECORD = 512

/** True where that handshake tells nothing new: where `joined` with it would change nothing. */
export function says({ identity, seen, disputed }: LearnedName, seenIdentity: string, minute: number): boolean {
  if (seenIdentity === identity) return minute <= seen
  const isFirstOfMinute = minute === seen && seenIdentity < identity
  return minute <= disputed && !isFirstOfMinute
}

/** Of one address, all that both say; `a` itself where `b` adds nothing. */
export function joined(a: LearnedName, b: LearnedName): LearnedName {
  if (a.identity === b.identity) {
    if (b.seen <= a.seen && b.disputed <= a.disputed) return a
    return { ...a, seen: Math.max(a.seen, b.seen), disputed: Math.max(a.disputed, b.disputed) }
  }
  const aIsLast = a.seen > b.seen || (a.seen === b.seen && a.identity < b.identity)
  const [last, other] = aIsLast ? [a, b] : [b, a]
  const disputed = Math.max(last.disputed, other.seen)
  return disputed === last.disputed ? last : { ...last, disputed }
}

/** A name told again so soon names the same calls: it holds twice as long. */
const TOLD_AGAIN_MINUTES = 5

/** Whether calls of these minutes may be named by it as they were not before. `now` has all that `before` says. */
export function isNews(before: LearnedName | undefined, now: LearnedName): boolean {
  if (before === undefined) return true
  const { identity, seen, disputed } = before
  return identity !== now.identity || disputed !== now.disputed || now.seen - seen >= TOLD_AGAIN_MINUTES
}

/** Adds to names by address. */
export function gather(names: Map<string, LearnedName>, name: LearnedName): void {
  const before = names.get(name.address)
  names.set(name.address, before === undefined ? name : joined(before, name))
}

type Entry = [address: string, identity: string, seen: number, disputed: number]
const record = jsonRecord<unknown>('EWN1')

export function encodeNames(names: readonly LearnedName[]): Uint8Array {
  const entries: Entry[] = names.map(({ address, identity, seen, disputed }) => [address, identity, seen, disputed])
  return record.encode(entries)
}

/** undefined where it holds no names that can be read. */
export function decodeNames(value: Uint8Array): LearnedName[] | undefined {
  try {
    const entries = record.decode(value)
    if (!Array.isArray(entries) || entries.length > MAX_NAMES_A_RECORD || !entries.every(isEntry)) return undefined
    return entries.map(([address, identity, seen, disputed]) => ({ address, identity, seen, disputed }))
  } catch {
    return undefined
  }
}

function isEntry(entry: unknown): entry is Entry {
  if (!Array.isArray(entry) || entry.length !== 4) return false
  const [address, identity, seen, disputed] = entry
  return (
    typeof address === 'string' && address !== '' && typeof identity === 'string' && [seen, disputed].every(isMinute)
  )
}

function isMinute(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Records of the topic of names: one address is always in the same partition. */
export function namePublications(names: Iterable<LearnedName>, partitions: number): Publication[] {
  const byPartition = new Map<number, LearnedName[]>()
  for (const name of names) {
    const partition = partitionOf(name.address, partitions)
    const own = byPartition.get(partition)
    if (own === undefined) byPartition.set(partition, [name])
    else own.push(name)
  }
  const publications: Publication[] = []
  for (const [partition, own] of byPartition) {
    for (let from = 0; from < own.length; from += MAX_NAMES_A_RECORD) {
      const value = encodeNames(own.slice(from, from + MAX_NAMES_A_RECORD))
      publications.push({ topic: TOPIC.names, partition, value })
    }
  }
  return publications
}
