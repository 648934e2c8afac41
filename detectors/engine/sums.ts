/** A pair's sums by reporter, in one list of numbers: a row adds to a few neighbours in memory. */
import { OUTCOMES, REPORTER_PRECEDENCE, type Tally } from '../window.ts'
import { type BlockRows, FACT, REPORTER_SHIFT } from './rows.ts'

const [FIRST, LAST, REPORTERS] = [0, 1, 2] as const
/** Of each reporter, from its beginning: its outcomes, then these. */
const CONNECTIONS = OUTCOMES.length
const [PLAINTEXT, MUTUAL, RECEIVED, SENT, DURATION] = [1, 2, 3, 4, 5].map((n) => CONNECTIONS + n) as Fields
type Fields = [plaintext: number, mutual: number, received: number, sent: number, duration: number]
const FIELDS = DURATION + 1

const NOTHING = [Number.POSITIVE_INFINITY, 0, ...REPORTER_PRECEDENCE.flatMap(() => Array(FIELDS).fill(0) as number[])]

/** Places of REPORTER_PRECEDENCE in order of name. */
const BY_NAME = REPORTER_PRECEDENCE.map((name, place) => ({ name, place }))
  .sort((a, b) => (a.name < b.name ? -1 : 1))
  .map(({ place }) => place)

export class Sums {
  readonly #values = NOTHING.slice()
  /** A bit for each reporter that told anything. */
  #reporters = 0

  get first(): number {
    return this.#values[FIRST]!
  }

  get last(): number {
    return this.#values[LAST]!
  }

  add(rows: BlockRows, row: number): void {
    const values = this.#values
    const facts = rows.facts[row]!
    const count = rows.weight[row]!
    const end = rows.end[row]!
    const reporter = (facts & FACT.reporter) >> REPORTER_SHIFT
    const at = REPORTERS + reporter * FIELDS
    this.#reporters |= 1 << reporter
    if (end < values[FIRST]!) values[FIRST] = end
    if (end > values[LAST]!) values[LAST] = end
    if ((facts & FACT.connection) !== 0) values[at + CONNECTIONS]! += count
    else values[at + (facts & FACT.outcome)]! += count
    if ((facts & FACT.plaintext) !== 0) values[at + PLAINTEXT]! += count
    else if ((facts & FACT.mutual) !== 0) values[at + MUTUAL]! += count
    values[at + RECEIVED]! += rows.bytesReceived[row]!
    values[at + SENT]! += rows.bytesSent[row]!
    values[at + DURATION]! += rows.durationUs[row]! * count
  }

  merge(other: Sums): void {
    const first = Math.min(this.first, other.first)
    const last = Math.max(this.last, other.last)
    for (let at = REPORTERS; at < NOTHING.length; at += 1) this.#values[at]! += other.#values[at]!
    this.#values[FIRST] = first
    this.#values[LAST] = last
    this.#reporters |= other.#reporters
  }

  /** In order of the reporters' names, of those that told anything. */
  tallies(): Tally[] {
    return BY_NAME.filter((place) => (this.#reporters & (1 << place)) !== 0).map((place) => {
      const at = REPORTERS + place * FIELDS
      const value = (field: number) => this.#values[at + field]!
      return {
        reporter: REPORTER_PRECEDENCE[place]!,
        outcomes: OUTCOMES.map((_, outcome) => value(outcome)),
        connections: value(CONNECTIONS),
        plaintext: value(PLAINTEXT),
        mutual: value(MUTUAL),
        bytesReceived: value(RECEIVED),
        bytesSent: value(SENT),
        durationUs: value(DURATION),
      }
    })
  }
}
