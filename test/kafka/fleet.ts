/** Roles as processes of their own on one Kafka: started, told the time, killed, started again on the same folders. */
import { setTimeout as delay } from 'node:timers/promises'
import { type PipelineRole, ROLES } from '../../cli/roles/role.ts'
import type { GroupLag } from '../../core/bus/bus.ts'
import { SECOND } from '../../core/clock.ts'
import { retry } from '../../core/retry.ts'
import { LogSender } from '../../demo/sender.ts'
import { settle } from '../../demo/settle.ts'
import { type Changes, newWorld, PipelineProcess, type World } from '../e2e/pipeline.ts'
import type { Stretch } from '../e2e/traffic.ts'

const AGAIN = { firstMs: 50, maxMs: 1000 }
/** On a busy machine, after a broker that was away. */
const SETTLE_MS = 240_000
/** Less than the 5 s by which one collector's time may lead the others' (core/watermark.ts): they tick one after the other. */
const SETTLE_STEP_US = 4 * SECOND
/** Between two looks at how far the groups are, which take longer than a step. */
const SETTLE_STEPS = 5

interface Member {
  role: PipelineRole
  world: World
  /** Replaced when it is killed and started again. */
  process: Promise<PipelineProcess>
  sender?: LogSender
  /** By how much its clock is ahead of the others'. */
  aheadUs: number
}

export interface During {
  /** Begun as the records of the stretch are sent; the stretch is over once it is. */
  sending?: (() => Promise<unknown> | undefined) | undefined
  /** The same, as its ticks are written. */
  ticking?: (() => Promise<unknown> | undefined) | undefined
}

export class Fleet {
  readonly #members: Member[]
  #nowUs: number
  #turn = 0

  private constructor(members: Member[], nowUs: number) {
    this.#members = members
    this.#nowUs = nowUs
  }

  /** Resolves when all of them answer. */
  static async start(changes: Changes, counts: Readonly<Record<PipelineRole, number>>, nowUs: number): Promise<Fleet> {
    const members: Member[] = []
    for (const role of ROLES) {
      for (let i = 0; i < counts[role]; i += 1) {
        const world = await newWorld(changes)
        members.push({ role, world, process: PipelineProcess.start(world, nowUs, [role]), aheadUs: 0 })
      }
    }
    const fleet = new Fleet(members, nowUs)
    try {
      await Promise.all(members.map((member) => member.process))
    } catch (error) {
      await fleet.end()
      throw error
    }
    return fleet
  }

  /** One stretch: its time, its records to the collectors in turn, and once all of them are acknowledged the ticks. */
  async play({ untilUs, bodies }: Stretch, { sending, ticking }: During = {}): Promise<void> {
    await this.#setTime(untilUs)
    const meanwhile = [sending?.()]
    await Promise.all(bodies.map((body) => this.send(body)))
    meanwhile.push(ticking?.())
    await this.#tick()
    await Promise.all(meanwhile)
  }

  /** To the collector whose turn it is; resolves when the body is acknowledged, however often it takes. */
  async send(body: Buffer): Promise<void> {
    const collectors = this.#of('collector')
    const member = collectors[this.#turn % collectors.length]!
    this.#turn += 1
    await until(member, (process) => {
      const target = `127.0.0.1:${process.ports.grpc}`
      // The port stays the same over restarts.
      member.sender ??= new LogSender(target)
      return member.sender.send(body, process.ended)
    })
  }

  /** kill -9 of one process, and a new start in the same folder. */
  async kill(role: PipelineRole, index: number): Promise<void> {
    const member = this.#of(role)[index]!
    const before = await member.process
    member.process = before.kill().then(() => PipelineProcess.start(member.world, timeOf(member, this.#nowUs), [role]))
    await member.process
  }

  /** A clean stop of one process, and a new start in the same folder: what a rolling upgrade does to each. */
  async replace(role: PipelineRole, index: number): Promise<void> {
    const member = this.#of(role)[index]!
    const before = await member.process
    member.process = before.stop().then(() => PipelineProcess.start(member.world, timeOf(member, this.#nowUs), [role]))
    await member.process
  }

  /** What runs as the role now. */
  processes(role: PipelineRole): Promise<PipelineProcess[]> {
    return Promise.all(this.#of(role).map((member) => member.process))
  }

  /** Sets the clock of one collector so much ahead of the others', or behind; 0 sets it right. */
  async setAhead(index: number, us: number): Promise<void> {
    const member = this.#of('collector')[index]!
    member.aheadUs = us
    await until(member, (process) => process.jump(timeOf(member, this.#nowUs)))
  }

  /** Time goes on as the machine's does, a tick a second, until the signal aborts. */
  async live(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#setTime(Date.now() * 1000)
      await this.#tick()
      await delay(1000, undefined, { signal }).catch(() => {})
    }
  }

  async settleAndStop(): Promise<void> {
    const tick = async () => {
      for (let step = 0; step < SETTLE_STEPS; step += 1) {
        await this.#setTime(this.#nowUs + SETTLE_STEP_US)
        await this.#tick()
      }
    }
    await settle({ tick, lag: () => this.#lag(), signal: AbortSignal.timeout(SETTLE_MS) })
    for (const role of [...ROLES].reverse()) {
      await Promise.all(this.#of(role).map(async (member) => (await member.process).stop()))
    }
    this.#closeSenders()
  }

  /** Where the store is, with one process of storage. */
  get storageWorld(): World {
    return this.#of('storage')[0]!.world
  }

  /** Whatever state it is in: nothing is left of it. */
  async end(): Promise<void> {
    for (const { process, world } of this.#members) {
      await process.then((one) => one.kill()).catch(() => {})
      world.remove()
    }
    this.#closeSenders()
  }

  #of(role: PipelineRole): Member[] {
    return this.#members.filter((member) => member.role === role)
  }

  async #setTime(us: number): Promise<void> {
    this.#nowUs = us
    await Promise.all(this.#members.map((member) => until(member, (process) => process.setTime(timeOf(member, us)))))
  }

  async #tick(): Promise<void> {
    await Promise.all(this.#of('collector').map((member) => until(member, (process) => process.tick())))
  }

  #lag(): Promise<GroupLag[]> {
    return until(this.#of('storage')[0]!, (process) => process.lag())
  }

  #closeSenders(): void {
    for (const { sender } of this.#members) sender?.close()
  }
}

function timeOf({ aheadUs }: Member, nowUs: number): number {
  return nowUs + aheadUs
}

/** Does it until it succeeds; a failure that does not pass is one of the process unless it was killed. */
async function until<T>(member: Member, act: (process: PipelineProcess) => Promise<T>): Promise<T> {
  for (;;) {
    const process = await member.process
    try {
      return await retry(() => act(process), { ...AGAIN, signal: process.ended })
    } catch (error) {
      if (process.killed) continue
      throw process.ended.aborted ? new Error(`a process of ${member.role} ended by itself`, { cause: error }) : error
    }
  }
}
