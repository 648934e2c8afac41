/** State of a group in a partition as LMDB entries. A key too long for LMDB goes into the value: u32 bytes | key | value. */
import { createHash } from 'node:crypto'
import type { Database } from 'lmdb'
import type { StateWrite } from '../bus.ts'

/** Bytes of a state key held in the LMDB key itself (its limit is 1978); longer ones are cut and told apart by a hash. */
const MAX_INLINE = 1024
/** Never a byte of UTF-8: marks a cut key. */
const CUT = 0xff

export interface Entry {
  key: Buffer
  value: Buffer
}

export function encodeState(prefix: Buffer, write: StateWrite): { key: Buffer; value: Uint8Array | null } {
  const { key, cut } = stateKey(prefix, write.key)
  if (!cut || write.value === null) return { key, value: write.value }
  const text = Buffer.from(write.key)
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(text.length)
  return { key, value: Buffer.concat([length, text, write.value]) }
}

function decodeState(prefix: Buffer, { key, value }: Entry): [string, Uint8Array] {
  if (!isCut(prefix, key)) return [key.toString('utf8', prefix.length), value]
  const end = 4 + value.readUInt32LE(0)
  return [value.toString('utf8', 4, end), value.subarray(end)]
}

/** Decodes entries in LMDB's order to the order of keys: only neighbours that were cut can stand wrong. */
export function* decodeStates(prefix: Buffer, entries: Iterable<Entry>): Generator<readonly [string, Uint8Array]> {
  let cut: [string, Uint8Array][] = []
  for (const entry of entries) {
    const decoded = decodeState(prefix, entry)
    if (isCut(prefix, entry.key)) {
      cut.push(decoded)
      continue
    }
    yield* cut.sort(byKey)
    cut = []
    yield decoded
  }
  yield* cut.sort(byKey)
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const CHUNK = 1000

/** The entries whose keys start with `prefix`, in order, read in chunks so that nobody else has to wait and memory does not hold all. */
export function* entriesIn(database: Database<Buffer, Buffer>, prefix: Buffer): Generator<Entry> {
  const end = afterPrefix(prefix)
  for (let start: Buffer = prefix; ; ) {
    const chunk = [...database.getRange({ start, end, limit: CHUNK })]
    yield* chunk
    if (chunk.length < CHUNK) return
    start = Buffer.concat([chunk.at(-1)!.key, Buffer.of(0)])
  }
}

/** The first key after all that start with `prefix`, whose last byte is below 0xff. */
function afterPrefix(prefix: Buffer): Buffer {
  const after = Buffer.from(prefix)
  after[after.length - 1]! += 1
  return after
}

function stateKey(prefix: Buffer, key: string): { key: Buffer; cut: boolean } {
  const text = Buffer.from(key)
  if (text.length <= MAX_INLINE) return { key: Buffer.concat([prefix, text]), cut: false }
  const hash = createHash('sha256').update(text).digest().subarray(0, 16)
  return { key: Buffer.concat([prefix, text.subarray(0, MAX_INLINE), Buffer.of(CUT), hash]), cut: true }
}

/** True where the LMDB key of this length stands for a cut state key, whose text is in the value. */
function isCut(prefix: Buffer, key: Buffer): boolean {
  return key.length > prefix.length + MAX_INLINE
}
