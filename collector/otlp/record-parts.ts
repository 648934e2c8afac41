/** A log record cut into what a tree of known records keeps of it (known-records.ts): runs that are alike, and gaps between them. */
import { fieldOfBytes } from './field-keys.ts'
import { MARKED, MARKED_BUT_PORT, WAY } from './field-ways.ts'
import type { LogRecord } from './log-record.ts'
import { PlainPair } from './plain-pair.ts'
import { RECORD_ATTRIBUTE, RECORD_BODY } from './tags.ts'
import { isNothing } from './text.ts'
import type { Wire } from './wire.ts'

/** Most parts of a record that is kept. */
export const MAX_PARTS = 128

/** A pair that counts as a whole; one of which the key counts; one of which the key and the value's beginning count; no pair. */
export const RUN = 0
export const KEY = 1
export const KEY_AND_BEGINNING = 2
/** Read each time. */
export const OTHER = 3

/** The field that nobody reads. */
const NONE = -1

export class RecordParts {
  count = 0
  readonly kinds = new Uint8Array(MAX_PARTS)
  readonly fields = new Int8Array(MAX_PARTS)
  readonly starts = new Int32Array(MAX_PARTS)
  readonly ends = new Int32Array(MAX_PARTS)
  readonly #pair = new PlainPair()

  /** Cuts the record between `from` and `end`; false where it is to be read in whole each time. Leaves `wire` anywhere. */
  read(wire: Wire, from: number, end: number, resource: LogRecord): boolean {
    const pair = this.#pair
    const seen = new Set<number>()
    this.count = 0
    wire.at = from
    while (wire.at < end) {
      if (this.count === MAX_PARTS) return false
      const { at } = wire
      let kind = OTHER
      let field = NONE
      if (wire.bytes[at] !== RECORD_ATTRIBUTE) {
        const tag = wire.tag(end)
        if (tag === RECORD_ATTRIBUTE || tag === RECORD_BODY) return false
        wire.skip(tag, end)
      } else {
        if (!pair.read(wire.bytes, at, end)) return false
        wire.at = pair.end
        field = fieldOfBytes(wire.view, pair.nameFrom, pair.keyEnd)
        kind = kindOf(wire, field, pair)
        if (kind !== RUN && field !== NONE) {
          // Of two that say the same field the first counts, and where it says nothing the resource does.
          if (seen.has(field) || resource.values[field] !== '') return false
          seen.add(field)
        }
      }
      this.#add(kind, field, at, wire.at)
    }
    return true
  }

  #add(kind: number, field: number, start: number, end: number): void {
    this.kinds[this.count] = kind
    this.fields[this.count] = field
    this.starts[this.count] = start
    this.ends[this.count] = end
    this.count += 1
  }

  /** Fields of the gaps. */
  varying(): number[] {
    const found: number[] = []
    for (let i = 0; i < this.count; i += 1) {
      const isGap = this.kinds[i] === KEY || this.kinds[i] === KEY_AND_BEGINNING
      if (isGap && this.fields[i] !== NONE) found.push(this.fields[i]!)
    }
    return found
  }
}

function kindOf(wire: Wire, field: number, pair: PlainPair): number {
  if (field === NONE) return KEY
  const way = WAY[field]
  if (way === MARKED) return RUN
  if (way !== MARKED_BUT_PORT) return KEY
  return isNothing(wire, pair.from, pair.end) ? RUN : KEY_AND_BEGINNING
}
