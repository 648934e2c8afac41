/**
 * Group commit. While one publication is under way, deliveries are read and gathered for the next; each sender is answered when
 * the publication that holds its delivery is durable. Senders take turns, so a long queue delays only its owner.
 *
 * What deliveries teach of names goes out with them, and is known from then on: of a delivery that is refused, or lost with this
 * process, nothing stays. Who tells news of them is answered once other collectors know it too (naming/others.ts).
 *
 * Ticks go the same way. A tick's time is never past the arrival of a delivery that is not durable yet, nor past what other inputs say.
 */
import { setImmediate } from 'node:timers/promises'
import { CallRows } from '../core/block.ts'
import type { Publication } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'
import type { Clock } from '../core/clock.ts'
import { encodeTick, type Tick } from '../core/tick.ts'
import { Commit, type CommitOptions, RECORDS_AT_A_TIME, type Waiting } from './commit.ts'
import { type Delivery, letGo, type Receipt } from './delivery.ts'
import { FairQueue } from './fair-queue.ts'
import { DeliveryReader } from './read-delivery.ts'
import { type Rejected, rejectedPublication } from './rejected.ts'

interface WaitingTick {
  tick: Omit<Tick, 'time'>
  resolve(): void
  reject(error: unknown): void
}

interface WaitingRejected {
  rejected: Rejected
  resolve(): void
  reject(error: unknown): void
}

export interface PublisherOptions extends CommitOptions {
  clock: Clock
  /** Up to when inputs that are logs have been read; deliveries with an origin are its to look after. Absent, there are none. */
  reached?: () => number
}

export class Publisher {
  readonly #options: PublisherOptions
  readonly #reader: DeliveryReader
  /** Of the commit that is being gathered. */
  readonly #rows = new CallRows()
  readonly #queue = new FairQueue<Waiting>()
  /** Arrived and not durable. */
  readonly #pending = new Set<Delivery>()
  #ticks: WaitingTick[] = []
  #setAside: WaitingRejected[] = []
  #lastTickTime = 0
  #underWay: Promise<void> | undefined
  #active = false
  #running: Promise<void> = Promise.resolve()
  /** Ends the wait for more while a publication is under way. */
  #wake: () => void = () => {}

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#reader = new DeliveryReader(options.rules)
  }

  /** Resolves when durable. Rejects with what `DeliveryReader` or the bus says. */
  publish(delivery: Delivery): Promise<Receipt> {
    if (delivery.origin === undefined) this.#pending.add(delivery)
    const known = this.#options.others?.known()
    return known === undefined ? this.#enqueue(delivery) : this.#enqueueAfter(known, delivery)
  }

  /** Keeps what could not be read as a whole, and whose sender nobody can tell; resolves when durable. */
  setAside(rejected: Rejected): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#setAside.push({ rejected, resolve, reject })
      this.#start()
    })
  }

  /** Writes a tick to every partition of calls, behind all that was gathered before it. None before an input has told its first time. */
  tick(tick: Omit<Tick, 'time'>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ticks.push({ tick, resolve, reject })
      this.#start()
    })
  }

  /** Resolves when nothing is left to do of what was taken up; what still waits for others' names was not, and whoever sent it waits too. */
  async drained(): Promise<void> {
    while (this.#active) await this.#running
  }

  async #enqueueAfter(known: Promise<void>, delivery: Delivery): Promise<Receipt> {
    try {
      await known
    } catch (error) {
      this.#pending.delete(delivery)
      letGo(delivery)
      throw error
    }
    return this.#enqueue(delivery)
  }

  #enqueue(delivery: Delivery): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#queue.push(delivery.sender.key, { delivery, resolve, reject })
      this.#start()
    })
  }

  #start(): void {
    this.#wake()
    if (this.#active) return
    this.#active = true
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    while (this.#hasWork || this.#underWay !== undefined) {
      // Whatever came in the same turn of the event loop shares a commit.
      await setImmediate()
      const commit = new Commit(this.#reader, this.#rows, this.#options)
      await this.#gather(commit)
      await this.#underWay
      if (commit.waiting.length === 0 && this.#ticks.length === 0 && this.#setAside.length === 0) continue
      this.#underWay = this.#publish(commit).finally(() => {
        this.#underWay = undefined
        this.#wake()
      })
    }
    this.#active = false
  }

  get #hasWork(): boolean {
    return this.#queue.size > 0 || this.#ticks.length > 0 || this.#setAside.length > 0
  }

  /** Until the commit is full, or may go out: where nothing is under way. */
  async #gather(commit: Commit): Promise<void> {
    let sinceYield = 0
    while (!commit.full) {
      const waiting = this.#queue.take()
      if (waiting === undefined) {
        if (this.#underWay === undefined) return
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = () => {}
        continue
      }
      sinceYield += commit.add(waiting, (delivery) => this.#pending.delete(delivery))
      if (sinceYield < RECORDS_AT_A_TIME) continue
      sinceYield = 0
      await setImmediate()
      if (this.#underWay === undefined) return
    }
  }

  async #publish(commit: Commit): Promise<void> {
    const ticks = this.#ticks
    this.#ticks = []
    const setAside = this.#setAside
    this.#setAside = []
    const { bus, metrics } = this.#options
    try {
      const publications = this.#encoded(commit)
      for (const { rejected } of setAside) publications.push(rejectedPublication(bus, [rejected]))
      for (const { tick } of ticks) {
        const time = this.#tickTime()
        if (time === 0) continue
        const value = encodeTick({ ...tick, time })
        for (let partition = 0; partition < bus.partitions(TOPIC.calls); partition += 1) {
          publications.push({ topic: TOPIC.calls, partition, value })
        }
      }
      await bus.publish(publications)
      this.#options.rules.annotator.directory.know(commit.names)
      for (const { delivery } of commit.waiting) this.#pending.delete(delivery)
      commit.resolve()
      metrics.add('rejected', setAside.length)
      for (const { resolve } of [...ticks, ...setAside]) resolve()
    } catch (error) {
      for (const { delivery } of commit.waiting) this.#pending.delete(delivery)
      for (const { reject } of [...commit.waiting, ...ticks, ...setAside]) reject(error)
    }
  }

  /** From here on the rows are free for the next commit. */
  #encoded(commit: Commit): Publication[] {
    try {
      return commit.publications()
    } finally {
      this.#rows.clear()
    }
  }

  /** Never runs backwards, also where the clock does. */
  #tickTime(): number {
    const { clock, reached } = this.#options
    let time = Math.min(clock.now(), reached?.() ?? Number.POSITIVE_INFINITY)
    for (const { received } of this.#pending) time = Math.min(time, received)
    this.#lastTickTime = Math.max(this.#lastTickTime, time)
    return this.#lastTickTime
  }
}
