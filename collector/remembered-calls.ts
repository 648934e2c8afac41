/**
 * The call of a record. A mesh says the same things over and over: of two records whose marks agree, the second is the first one's
 * call with other times, ids, sizes and path. Such calls are kept, declared names and all, so that most records cost one look-up
 * and the columns that differ; for its verdict only the path is looked up.
 *
 * Bounded: four places for each hash; a fifth takes the place of another, which is read anew when it comes again.
 */
import { RowIds } from '../core/block.ts'
import type { Call } from '../core/call.ts'
import { messageOf } from '../core/errors.ts'
import type { DecideByPath } from '../policy/policy.ts'
import type { Delivery, Sender } from './delivery.ts'
import type { Annotator } from './naming/annotate.ts'
import { type FieldValues, TextValues } from './otlp/field-values.ts'
import type { KnownRecord } from './otlp/known-record.ts'
import { MAX_RECORDS } from './otlp/known-records.ts'
import { FIELD, FIELDS, type LogRecord, VARYING } from './otlp/log-record.ts'
import { isCall, type LogSource, type Unreadable } from './sources/source.ts'

/** About 1 KB each. */
const SETS = 8192
const WAYS = 4
/** Calls by the shape of their records: a second way to some of the same. */
const SHAPES = MAX_RECORDS

const KEYED = FIELDS.filter((field) => !VARYING.includes(field)).map((field) => FIELD[field])

interface Remembered {
  hash: number
  /** Of a record that it is the call of; 0 where none is known. */
  shape: number
  marks: Float64Array
  sender: Sender
  source: LogSource
  decide: DecideByPath
  call: Call
}

export class RememberedCalls {
  readonly #sources: readonly LogSource[]
  readonly #annotator: Annotator
  #places: (Remembered | undefined)[] = new Array(SETS * WAYS)
  #next = new Uint8Array(SETS)
  #byShape: (Remembered | undefined)[] = new Array(SHAPES)
  #inForce: unknown
  /** Ids of the record read last that are bytes still, and not in its call. */
  readonly ids = new RowIds()

  constructor(sources: readonly LogSource[], annotator: Annotator) {
    this.#sources = sources
    this.#annotator = annotator
  }

  /**
   * The record's call with its declared names and the policy's verdict, before learned names. It may be an object given before,
   * changed in columns of PER_ROW only (core/block/call-rows.ts), and without those ids that are in `ids`: append it or copy it, never
   * keep it. `known` is the same record, where its like came before.
   */
  read(record: LogRecord, known: KnownRecord | undefined, delivery: Delivery): Call | Unreadable {
    const inForce = this.#annotator.inForce()
    if (inForce !== this.#inForce) {
      this.#inForce = inForce
      this.#places = new Array(SETS * WAYS)
      this.#byShape = new Array(SHAPES)
    }
    this.ids.forget()
    if (!record.marked) return this.#readAnew(record, delivery)
    const { marks } = record
    const { sender } = delivery
    if (known !== undefined) {
      const remembered = this.#byShape[known.shape % SHAPES]
      if (remembered?.shape === known.shape && sameSender(remembered.sender, sender)) {
        return this.#varied(remembered, record, known, delivery)
      }
    }
    const hash = hashOf(marks, sender)
    const first = (hash >>> 19) * WAYS
    for (let place = first; place < first + WAYS; place += 1) {
      const remembered = this.#places[place]
      if (remembered === undefined || remembered.hash !== hash || !sameMarks(remembered.marks, marks)) continue
      if (!sameSender(remembered.sender, sender)) continue
      if (known !== undefined) this.#setShape(remembered, known.shape)
      return this.#varied(remembered, record, known ?? new TextValues(record.values), delivery)
    }
    return this.#readAnew(record, delivery, hash)
  }

  #readAnew(record: LogRecord, delivery: Delivery, hash?: number): Call | Unreadable {
    const { sender, received } = delivery
    const context = { sender: sender.key, trust: sender.trust, received }
    let problem: Unreadable | undefined
    for (const source of this.#sources) {
      try {
        const call = source.read(record, context)
        if (isCall(call)) {
          call.received = received
          call.trust = trustOf(call, sender)
          this.#annotator.declare(call)
          const decide = this.#annotator.decider(call)
          if (hash !== undefined && source.repeated?.repeats(record)) {
            this.#remember(hash, record, { sender, source, decide, call })
          }
          return decided(call, decide)
        }
        // The first source's reason stands.
        problem ??= call
      } catch (error) {
        // A record that trips a reader must not hold up, or lose, the batch it came in.
        problem ??= { reason: 'source_failed', detail: `${source.name}: ${messageOf(error).slice(0, 500)}` }
      }
    }
    return problem ?? { reason: 'no_source', detail: 'no reader for log records is configured' }
  }

  #remember(hash: number, record: LogRecord, rest: Omit<Remembered, 'hash' | 'shape' | 'marks'>): void {
    const set = hash >>> 19
    const place = set * WAYS + this.#next[set]!
    this.#next[set] = (this.#next[set]! + 1) % WAYS
    const marks = Float64Array.from(KEYED, (position) => record.marks[position]!)
    this.#places[place] = { hash, shape: 0, marks, ...rest }
  }

  #varied({ call, source, decide }: Remembered, record: LogRecord, values: FieldValues, { received }: Delivery): Call {
    call.received = received
    source.repeated!.vary(call, record, values, this.ids)
    return decided(call, decide)
  }

  #setShape(remembered: Remembered, shape: number): void {
    remembered.shape = shape
    this.#byShape[shape % SHAPES] = remembered
  }
}

function decided(call: Call, decide: DecideByPath): Call {
  const { decision, reason } = decide(call.path)
  call.decision = decision
  call.decisionReason = reason
  return call
}

/** A peer that proved its identity by mTLS is believed about its own side of a call, and about nothing else. */
function trustOf(call: Call, sender: Sender): Call['trust'] {
  if (sender.trust === 'verified') return 'verified'
  if (sender.identity === '') return 'claimed'
  const own =
    call.reporter === 'source' ? call.sourceIdentity : call.reporter === 'destination' ? call.destinationIdentity : ''
  return own === sender.identity ? 'verified' : 'claimed'
}

function hashOf(marks: Float64Array, { key }: Sender): number {
  let hash = key.length
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  for (let i = 0; i < KEYED.length; i += 1) {
    hash = Math.imul(hash ^ (marks[KEYED[i]!]! | 0), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return Math.imul(hash, 0x85ebca6b)
}

function sameMarks(known: Float64Array, marks: Float64Array): boolean {
  for (let i = 0; i < KEYED.length; i += 1) if (known[i] !== marks[KEYED[i]!]) return false
  return true
}

function sameSender(a: Sender, b: Sender): boolean {
  return a === b || (a.key === b.key && a.trust === b.trust && a.identity === b.identity)
}
