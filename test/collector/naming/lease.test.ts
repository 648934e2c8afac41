/** Collectors that share a log: what one has acknowledged the others know, whatever the log and its readers take. */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Directory } from '../../../collector/naming/directory.ts'
import { decodeNames } from '../../../collector/naming/learned-name.ts'
import { NEWS_MS, OthersNames } from '../../../collector/naming/others.ts'
import type { Publication } from '../../../core/bus/bus.ts'
import { TOPIC } from '../../../core/bus/topics.ts'
import { MemoryBus } from '../memory-bus.ts'
import { delivery, from, publisherOf, turns, WEB } from './handshakes.ts'

const JOB = 'cluster.local/ns/shop/sa/job'
const COLLECTORS = 3
const STEP_MS = 5

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** In the time of the test, which goes on in steps. */
const passes = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Milliseconds that things take, over and over. */
type Delays = readonly number[]
function inTurn(delays: Delays): () => number {
  let at = 0
  return () => delays[at++ % delays.length]!
}

/** The topic of names, as every collector reads it: in order, and each in its own time. */
class NamesLog {
  readonly records: Uint8Array[] = []
  readonly #onAppended: (() => void)[] = []

  append(values: readonly Uint8Array[]): void {
    this.records.push(...values)
    for (const tell of this.#onAppended) tell()
  }

  async follow(delay: () => number, give: (value: Uint8Array) => void): Promise<void> {
    for (let at = 0; ; at += 1) {
      while (at >= this.records.length) await new Promise<void>((resolve) => this.#onAppended.push(resolve))
      await passes(delay())
      give(this.records[at]!)
    }
  }
}

/** Takes time to append, and to say so. */
class SlowBus extends MemoryBus {
  readonly #log: NamesLog
  readonly #delay: () => number

  constructor(log: NamesLog, delay: () => number) {
    super()
    this.#log = log
    this.#delay = delay
  }

  override async publish(records: readonly Publication[]): Promise<void> {
    await passes(this.#delay())
    await super.publish(records)
    const names = records.filter(({ topic }) => topic === TOPIC.names)
    this.#log.append(names.map(({ value }) => Uint8Array.from(value)))
    await passes(this.#delay())
  }
}

class Collector {
  readonly bus: SlowBus
  readonly #publisher: ReturnType<typeof publisherOf>
  #given = 0

  constructor(log: NamesLog, delays: { bus: Delays; reader: Delays; answer: Delays }) {
    this.bus = new SlowBus(log, inTurn(delays.bus))
    const directory = new Directory(100, NEWS_MS)
    void log.follow(inTurn(delays.reader), (value) => {
      directory.know(decodeNames(value)!)
      this.#given += 1
    })
    const answer = inTurn(delays.answer)
    const others = new OthersNames(async () => {
      await passes(answer())
      const end = log.records.length
      await passes(answer())
      while (this.#given < end) await passes(STEP_MS)
    })
    this.#publisher = publisherOf({ bus: this.bus, directory, others })
  }

  async send(body: Uint8Array): Promise<void> {
    await this.#publisher.publish(delivery(body))
  }
}

const delays = (max: number) => fc.array(fc.nat({ max }), { minLength: 1, maxLength: 5 })
const collector = fc.record({ bus: delays(60), reader: delays(1500), answer: delays(100) })
const caller = fc.record({
  startMs: fc.nat({ max: 2500 }),
  address: fc.constantFrom('10.0.0.1', '10.0.0.2'),
  /** One address is disputed now and then. */
  identity: fc.constantFrom(WEB, WEB, WEB, JOB),
  proof: fc.nat({ max: COLLECTORS - 1 }),
  /** To which, and when, the proof is sent again, as its sender did not hear that it was taken. */
  again: fc.option(fc.record({ to: fc.nat({ max: COLLECTORS - 1 }), afterMs: fc.nat({ max: 300 }) })),
  call: fc.nat({ max: COLLECTORS - 1 }),
})

type Drawn<T> = T extends fc.Arbitrary<infer Value> ? Value : never
/** The second proof tells what its collector knows already, and the third, which gets the call, has yet to read. */
const PROVED_TWICE: [Drawn<typeof collector>[], Drawn<typeof caller>[]] = [
  [
    { bus: [0], reader: [0], answer: [0] },
    { bus: [0], reader: [0], answer: [0] },
    { bus: [0], reader: [1000], answer: [0] },
  ],
  [
    { startMs: 0, address: '10.0.0.2', identity: WEB, proof: 2, again: null, call: 2 },
    { startMs: 100, address: '10.0.0.1', identity: WEB, proof: 0, again: null, call: 0 },
    { startMs: 150, address: '10.0.0.1', identity: WEB, proof: 1, again: null, call: 2 },
  ],
]

it('a call is named by all proofs that were acknowledged before it was sent', async () => {
  let named = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(collector, { minLength: COLLECTORS, maxLength: COLLECTORS }),
      fc.array(caller, { minLength: 1, maxLength: 12 }),
      async (each, callers) => {
        const log = new NamesLog()
        const collectors = each.map((one) => new Collector(log, one))
        const begun: { address: string; identity: string }[] = []
        const acknowledged: typeof begun = []
        const wrong: object[] = []
        const runs = callers.map(async ({ startMs, address, identity, proof, again, call }, i) => {
          await passes(startMs)
          const body = from(identity, `proof-${i}`, address)
          begun.push({ address, identity })
          const first = collectors[proof]!.send(Buffer.from(body))
          if (again === null) await first
          else {
            await passes(again.afterMs)
            await collectors[again.to]!.send(Buffer.from(body))
          }
          acknowledged.push({ address, identity })
          const of = (proofs: typeof begun) =>
            new Set(proofs.filter((one) => one.address === address).map((one) => one.identity))
          const before = of(acknowledged)
          await collectors[call]!.send(from('', `call-${i}`, address))
          const { bus } = collectors[call]!
          const said = bus.calls().find(({ path }) => path.startsWith(`/call-${i}/`))!.sourceIdentity
          // What is proved at the same time may be known already.
          const allowed = before.size > 1 ? [''] : [...before, ...(of(begun).size > 1 ? [''] : [])]
          if (!allowed.includes(said)) wrong.push({ i, said, allowed })
          if (said !== '') named += 1
        })
        let over = false
        const all = Promise.all(runs).then(() => {
          over = true
        })
        while (!over) {
          await turns()
          vi.advanceTimersByTime(STEP_MS)
        }
        await all
        expect(wrong).toEqual([])
      },
    ),
    { numRuns: 60, examples: [PROVED_TWICE] },
  )
  expect(named).toBeGreaterThan(0)
}, 120_000)
