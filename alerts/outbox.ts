/**
 * The durable outbox: the processor of `eastwatch.incidents`, one per partition. A step turns changes of incidents into pending
 * messages, committed with the offset. Messages are sent outside of steps; how an attempt ended is written by the next step (ticks
 * come every second). What is not known to be delivered after a restart is sent again under the same id: at least once, with a
 * key that makes a repeat harmless.
 *
 * A message may leave before its step is committed: the change it tells of is committed already, in the topic, so after a crash
 * the same message is made from it again.
 */
import { setMaxListeners } from 'node:events'
import type { Assignment, Batch, PartitionProcessor, StepResult } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'
import { type Clock, HOUR } from '../core/clock.ts'
import { messageOf, PipelineError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { backoffMs } from '../core/retry.ts'
import { decodeTick } from '../core/tick.ts'
import { SEVERITIES } from '../detectors/detector.ts'
import { decodeAlertRecord, encodeAlertRecord, type NotificationRecord } from '../storage/incident-records.ts'
import { clip } from './clip.ts'
import { severityRank } from './incident.ts'
import type { Lane } from './lane.ts'
import { countNotification } from './metrics.ts'
import type { Notice } from './notify/channel.ts'
import { type Receiver, runPipeline } from './pipeline.ts'
import { type Pending, Queue } from './queue.ts'
import { readOrTell } from './unreadable.ts'

export interface OutboxOptions {
  receivers: readonly Receiver[]
  /** By receiver name. */
  lanes: ReadonlyMap<string, Lane>
  clock: Clock
  retryFirstMs: number
  retryMaxMs: number
  giveUpAfterHours: number
  maxPending: number
  /** Told of each tick of the input. */
  onTick(partition: number, time: number): void
  logger: Logger
}

/** How often what is due is looked for when no step comes. */
const WAKE_MS = 250
/** Records of attempts held for the next step; beyond it the oldest are dropped (only while the input stands still). */
const MAX_UNWRITTEN = 10_000
const MAX_DETAIL = 500

export async function startOutbox(assignment: Assignment, options: OutboxOptions): Promise<PartitionProcessor> {
  return new Outbox(assignment, options, await Queue.restore(assignment.state))
}

class Outbox implements PartitionProcessor {
  readonly from: number
  readonly #partition: number
  readonly #options: OutboxOptions
  readonly #queue: Queue
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #timer: NodeJS.Timeout
  #unwritten: NotificationRecord[] = []

  constructor({ committed, partition }: Assignment, options: OutboxOptions, queue: Queue) {
    this.from = committed
    this.#partition = partition
    this.#options = options
    this.#queue = queue
    // One listener for each message under way: many, but bounded by the lanes.
    setMaxListeners(0, this.#stopping.signal)
    this.#buryUnknownReceivers()
    this.#timer = setInterval(() => this.#send(), WAKE_MS)
  }

  step(batch: Batch): StepResult {
    const { receivers, clock, maxPending, onTick, logger } = this.#options
    const now = clock.now()
    const isInFlight = (key: string) => this.#underWay.has(key)
    const context = { queue: this.#queue, now, maxPending, isInFlight, partition: this.#partition }
    for (const one of batch.records) {
      const tick = decodeTick(one.value)
      if (tick !== undefined) {
        onTick(this.#partition, tick.time)
        continue
      }
      const record = readOrTell(decodeAlertRecord, one, batch, logger)
      if (record?.type !== 'incident') continue
      runPipeline(record, receivers, { ...context, offset: one.offset })
    }
    this.#send()
    const publish = this.#unwritten.map((record) => ({
      topic: TOPIC.incidents,
      partition: this.#partition,
      value: encodeAlertRecord(record),
    }))
    this.#unwritten = []
    return { next: batch.records.at(-1)!.offset + 1, publish, state: this.#queue.takeWrites() }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopping.abort()
    await Promise.all(this.#underWay.values())
  }

  /** Starts what is due and finds a place, the most severe first. */
  #send(): void {
    const now = this.#options.clock.now()
    for (const { name } of this.#options.receivers) {
      const lane = this.#options.lanes.get(name)
      if (lane === undefined || this.#queue.waiting(name).size === 0) continue
      for (const [key, pending] of this.#due(name, now)) {
        if (!lane.take(now)) break
        this.#underWay.set(key, this.#attempt(key, name, pending, lane))
      }
    }
  }

  #due(receiver: string, now: number): [string, Pending][] {
    const due: [string, Pending][] = []
    let summaries = 0
    for (const key of this.#queue.waiting(receiver)) {
      const pending = this.#queue.get(key)?.pending
      if (pending === undefined) continue
      // One summary at a time: the next one grows meanwhile, so there are never more than two.
      if (pending.notice.type === 'summary' && summaries++ > 0) continue
      if (pending.due <= now && !this.#underWay.has(key)) due.push([key, pending])
    }
    return due.sort(([, a], [, b]) => urgency(b.notice) - urgency(a.notice) || a.due - b.due)
  }

  async #attempt(key: string, receiver: string, pending: Pending, lane: Lane): Promise<void> {
    const { clock } = this.#options
    let failure: unknown
    try {
      await lane.channel.send(pending.notice, Math.floor(clock.now() / 1_000_000), this.#stopping.signal)
    } catch (error) {
      failure = error
    }
    lane.release(failure === undefined)
    this.#underWay.delete(key)
    // Stopped in the middle: not known to be delivered, so it is sent again after the restart.
    if (failure !== undefined && this.#stopping.signal.aborted) return
    this.#settle(key, receiver, { ...pending, attempt: pending.attempt + 1 }, failure)
    if (!this.#stopping.signal.aborted) this.#send()
  }

  #settle(key: string, receiver: string, pending: Pending, failure: unknown): void {
    const now = this.#options.clock.now()
    const replaced = this.#queue.get(key)?.pending?.notice.id !== pending.notice.id
    if (failure === undefined) {
      if (!replaced) this.#queue.setPending(key, undefined)
      this.#record(receiver, pending, 'sent', now, '')
      return
    }
    const detail = clip(messageOf(failure), MAX_DETAIL)
    const asked = failure instanceof PipelineError ? failure.retryAfterMs : undefined
    if (asked !== undefined) this.#options.lanes.get(receiver)?.pause(now + asked * 1000)
    const { giveUpAfterHours, retryFirstMs, retryMaxMs } = this.#options
    const final = failure instanceof PipelineError && !failure.retriable
    if (final || now - pending.since >= giveUpAfterHours * HOUR) {
      if (!replaced) this.#queue.setPending(key, undefined)
      this.#record(receiver, pending, 'dead', now, detail)
      return
    }
    if (!replaced) {
      const pauseMs = Math.max(asked ?? 0, backoffMs(pending.attempt, { firstMs: retryFirstMs, maxMs: retryMaxMs }))
      this.#queue.setPending(key, { ...pending, due: now + pauseMs * 1000 })
    }
    this.#record(receiver, pending, 'failed', now, detail)
  }

  #record(
    receiver: string,
    { notice, attempt }: Pending,
    status: NotificationRecord['status'],
    at: number,
    detail: string,
  ): void {
    const incident = notice.type === 'incident' ? notice.record : undefined
    const reason = notice.type === 'incident' ? notice.reason : notice.type
    this.#unwritten.push({
      type: 'notification',
      id: `${notice.id}/${receiver}/${attempt}`,
      incidentId: incident?.id ?? '',
      incidentVersion: incident?.version ?? 0,
      receiver,
      reason,
      status,
      attempt,
      at,
      detail,
    })
    if (this.#unwritten.length > MAX_UNWRITTEN) this.#unwritten.shift()
    countNotification(receiver, status)
    const facts = { receiver, message: notice.id, attempt, detail }
    if (status === 'dead')
      this.#options.logger.error(facts, 'notification is a dead letter: the receiver never took it')
    if (status === 'failed') this.#options.logger.warn(facts, 'notification failed and will be tried again')
  }

  /** What waits for a receiver that the configuration no longer has is a dead letter. */
  #buryUnknownReceivers(): void {
    for (const receiver of this.#queue.receivers()) {
      if (this.#options.lanes.has(receiver)) continue
      for (const key of this.#queue.keysOf(receiver)) {
        const pending = this.#queue.get(key)?.pending
        if (pending !== undefined) {
          this.#record(receiver, pending, 'dead', this.#options.clock.now(), 'receiver is no longer configured')
        }
        this.#queue.remove(key)
      }
    }
  }
}

/** Summaries first, as they stand for many; then by severity. */
function urgency(notice: Notice): number {
  return notice.type === 'summary' ? SEVERITIES.length : severityRank(notice.record.severity)
}
