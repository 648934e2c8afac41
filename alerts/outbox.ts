/**
 * The durable outbox: the processor of `eastwatch.incidents`. A step turns changes of incidents into news that wait, committed with the
 * offset. Messages are sent outside of steps; how an attempt ended is written by the next step (ticks come every second). What is not known to
 * be delivered after a restart is sent again: at least once, with a key that makes a repeat harmless.
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
import { labelsOf } from './labels.ts'
import type { Lane } from './lane.ts'
import { countNotification } from './metrics.ts'
import { groupNotice, summaryNotice } from './notices.ts'
import type { Notice } from './notify/channel.ts'
import { consider, type Receiver, type StageContext } from './pipeline.ts'
import { type PendingNews, type PendingSummary, Queue, type WaitingGroup } from './queue.ts'
import type { InhibitRule } from './routing/config.ts'
import { Inhibition } from './routing/inhibition.ts'
import type { Router } from './routing/tree.ts'
import { summariseStorm } from './storm.ts'
import { readOrTell } from './unreadable.ts'

export interface OutboxOptions {
  receivers: readonly Receiver[]
  router: Router
  inhibit: readonly InhibitRule[]
  /** Epoch microseconds: alerts/pipeline.ts. */
  shadowUntil: number
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
/** Incidents that are looked at again in one step. */
const MAX_LOOKS = 1_000
/** Records of attempts held for the next step; beyond it the oldest are dropped (only while the input stands still). */
const MAX_UNWRITTEN = 10_000
const MAX_DETAIL = 500

export async function startOutbox(assignment: Assignment, options: OutboxOptions): Promise<PartitionProcessor> {
  return new Outbox(assignment, options, await Queue.restore(assignment.state))
}

interface Outcome {
  receiver: string
  notice: Notice
  attempt: number
  status: NotificationRecord['status']
  at: number
  detail: string
}

/** A message that waits. */
type Waiting = { key: string; notBefore: number } & ({ group: WaitingGroup } | { summary: PendingSummary })

class Outbox implements PartitionProcessor {
  readonly from: number
  readonly #partition: number
  readonly #options: OutboxOptions
  readonly #queue: Queue
  readonly #inhibition: Inhibition
  readonly #receivers: ReadonlyMap<string, Receiver>
  /** Incidents of which something is held back, oldest look first. */
  readonly #held = new Set<string>()
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #timer: NodeJS.Timeout
  #unwritten: NotificationRecord[] = []

  constructor({ committed, partition }: Assignment, options: OutboxOptions, queue: Queue) {
    this.from = committed
    this.#partition = partition
    this.#options = options
    this.#queue = queue
    this.#inhibition = new Inhibition(options.inhibit)
    this.#receivers = new Map(options.receivers.map((receiver) => [receiver.name, receiver]))
    for (const record of queue.incidents()) {
      this.#inhibition.observe(record, labelsOf(record))
      if (record.status === 'open') this.#held.add(record.id)
    }
    // One listener for each message under way: many, but bounded by the lanes.
    setMaxListeners(0, this.#stopping.signal)
    this.#buryUnknownReceivers()
    this.#timer = setInterval(() => this.#send(), WAKE_MS)
  }

  step(batch: Batch): StepResult {
    const { clock, onTick, logger } = this.#options
    const now = clock.now()
    const context: StageContext = {
      queue: this.#queue,
      router: this.#options.router,
      inhibition: this.#inhibition,
      receivers: this.#receivers,
      now,
      shadowUntil: this.#options.shadowUntil,
      isInFlight: (key) => this.#underWay.has(key),
      hold: (id) => this.#held.add(id),
    }
    for (const one of batch.records) {
      const tick = decodeTick(one.value)
      if (tick !== undefined) {
        onTick(this.#partition, tick.time)
        continue
      }
      const record = readOrTell(decodeAlertRecord, one, batch, logger)
      if (record?.type !== 'incident') continue
      const labels = labelsOf(record)
      this.#queue.keep(record)
      this.#inhibition.observe(record, labels)
      consider(record, labels, context)
      this.#summariseStorms(now, one.offset)
    }
    this.#lookAgain(context)
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

  /** At what was held back, and at what is to be told again. */
  #lookAgain(context: StageContext): void {
    const again = [...this.#held].slice(0, MAX_LOOKS)
    for (const id of again) this.#held.delete(id)
    for (const [id, told] of this.#queue.allTold()) {
      if (again.length >= 2 * MAX_LOOKS) break
      if ([...told.values()].some(({ repeatAt }) => repeatAt > 0 && repeatAt <= context.now)) again.push(id)
    }
    for (const id of again) {
      const record = this.#queue.incident(id)
      if (record !== undefined) consider(record, labelsOf(record), context)
    }
  }

  #summariseStorms(now: number, offset: number): void {
    const { receivers, maxPending } = this.#options
    const isInFlight = (key: string) => this.#underWay.has(key)
    const context = { queue: this.#queue, now, offset, maxPending, isInFlight }
    for (const receiver of receivers) summariseStorm(receiver, context)
  }

  /** Starts what is due and finds a place, the most urgent first. */
  #send(): void {
    const now = this.#options.clock.now()
    for (const { name } of this.#options.receivers) {
      const lane = this.#options.lanes.get(name)
      if (lane === undefined) continue
      for (const waiting of this.#due(name, now)) {
        if (!lane.take(now)) break
        this.#underWay.set(waiting.key, this.#attempt(waiting, lane))
      }
    }
  }

  #due(receiver: string, now: number): Waiting[] {
    const due: Waiting[] = []
    // One summary at a time: the next one grows meanwhile, so there are never more than two.
    const [first] = [...this.#queue.summaries()].filter(([, summary]) => summary.receiver === receiver)
    if (first !== undefined) due.push({ key: first[0], notBefore: first[1].notBefore, summary: first[1] })
    for (const [key, group] of this.#queue.waiting(receiver)) {
      const { notBefore, news } = group.pending
      due.push({ key, notBefore: Math.max(notBefore, Math.min(...news.map((one) => one.due))), group })
    }
    return due
      .filter(({ key, notBefore }) => notBefore <= now && !this.#underWay.has(key))
      .sort((a, b) => this.#urgency(b) - this.#urgency(a) || a.notBefore - b.notBefore)
  }

  /** Summaries first, as they stand for many; then by severity. */
  #urgency(waiting: Waiting): number {
    if ('summary' in waiting) return SEVERITIES.length
    const ranks = waiting.group.pending.news.map(({ id }) => severityRank(this.#queue.incident(id)?.severity ?? ''))
    return Math.max(...ranks)
  }

  async #attempt(waiting: Waiting, lane: Lane): Promise<void> {
    const { clock } = this.#options
    const now = clock.now()
    if ('group' in waiting) this.#queue.setGroup({ ...waiting.group, lastAt: now })
    const notice = 'group' in waiting ? groupNotice(waiting.group, this.#queue) : summaryNotice(waiting.summary)
    let failure: unknown
    try {
      await lane.channel.send(notice, Math.floor(now / 1_000_000), this.#stopping.signal)
    } catch (error) {
      failure = error
    }
    lane.release(failure === undefined)
    this.#underWay.delete(waiting.key)
    // Stopped in the middle: not known to be delivered, so it is sent again after the restart.
    if (failure !== undefined && this.#stopping.signal.aborted) return
    this.#settle(waiting, notice, failure)
    if (!this.#stopping.signal.aborted) this.#send()
  }

  #settle(waiting: Waiting, notice: Notice, failure: unknown): void {
    const now = this.#options.clock.now()
    const { receiver, attempt, since } =
      'group' in waiting ? { ...waiting.group, ...waiting.group.pending } : waiting.summary
    const record = (status: NotificationRecord['status'], detail: string) =>
      this.#record({ receiver, notice, attempt: attempt + 1, status, at: now, detail })
    if (failure === undefined) {
      this.#remove(waiting, notice)
      record('sent', '')
      return
    }
    const detail = clip(messageOf(failure), MAX_DETAIL)
    const asked = failure instanceof PipelineError ? failure.retryAfterMs : undefined
    if (asked !== undefined) this.#options.lanes.get(receiver)?.pause(now + asked * 1000)
    const { giveUpAfterHours, retryFirstMs, retryMaxMs } = this.#options
    const final = failure instanceof PipelineError && !failure.retriable
    if (final || now - since >= giveUpAfterHours * HOUR) {
      this.#remove(waiting, notice)
      record('dead', detail)
      return
    }
    const pauseMs = Math.max(asked ?? 0, backoffMs(attempt + 1, { firstMs: retryFirstMs, maxMs: retryMaxMs }))
    this.#putOff(waiting, now + pauseMs * 1000)
    record('failed', detail)
  }

  /** What was told, or given up, waits no more; what came meanwhile does, and what a program must be told and found no room. */
  #remove(waiting: Waiting, notice: Notice): void {
    if ('summary' in waiting || notice.type === 'summary') {
      this.#queue.setSummary(waiting.key, undefined)
      return
    }
    const { receiver, key, pending: told } = waiting.group
    const { pending, ...group } = this.#queue.group(receiver, key) ?? waiting.group
    const inMessage = new Set(notice.news.map(({ record }) => record.id))
    const isProgram = this.#receivers.get(receiver)?.repeatUs !== undefined
    const isTold = ({ id, version }: PendingNews) =>
      (!isProgram || inMessage.has(id)) && told.news.some((one) => one.id === id && one.version === version)
    const news = pending?.news.filter((one) => !isTold(one)) ?? []
    if (pending === undefined || news.length === 0) this.#queue.setGroup(group)
    else this.#queue.setGroup({ ...group, pending: { ...pending, attempt: 0, notBefore: 0, news, others: 0 } })
  }

  #putOff(waiting: Waiting, notBefore: number): void {
    if ('summary' in waiting) {
      const { attempt, ...summary } = waiting.summary
      this.#queue.setSummary(waiting.key, { ...summary, attempt: attempt + 1, notBefore })
      return
    }
    const group = this.#queue.group(waiting.group.receiver, waiting.group.key)
    if (group?.pending === undefined) return
    const attempt = waiting.group.pending.attempt + 1
    this.#queue.setGroup({ ...group, pending: { ...group.pending, attempt, notBefore } })
  }

  /** One record for each incident that the message told of. */
  #record({ receiver, notice, attempt, status, at, detail }: Outcome): void {
    const common = { type: 'notification', receiver, status, attempt, at, detail } as const
    if (notice.type === 'summary') {
      const id = `${notice.id}/${receiver}/${attempt}`
      this.#unwritten.push({ ...common, id, incidentId: '', incidentVersion: 0, reason: 'summary' })
    } else {
      for (const { reason, record } of notice.news) {
        const id = `${notice.id}/${receiver}/${attempt}${notice.news.length === 1 ? '' : `/${record.id}`}`
        this.#unwritten.push({ ...common, id, incidentId: record.id, incidentVersion: record.version, reason })
      }
    }
    this.#unwritten.splice(0, this.#unwritten.length - MAX_UNWRITTEN)
    countNotification(receiver, status)
    const facts = { receiver, message: notice.id, attempt, detail }
    if (status === 'dead')
      this.#options.logger.error(facts, 'notification is a dead letter: the receiver never took it')
    if (status === 'failed') this.#options.logger.warn(facts, 'notification failed and will be tried again')
  }

  /** What waits for a receiver that the configuration no longer has is a dead letter. */
  #buryUnknownReceivers(): void {
    const at = this.#options.clock.now()
    for (const receiver of this.#queue.receivers()) {
      if (this.#options.lanes.has(receiver)) continue
      const detail = 'receiver is no longer configured'
      const notices = [
        ...[...this.#queue.waiting(receiver).values()].map((group) => groupNotice(group, this.#queue)),
        ...[...this.#queue.summaries()]
          .filter(([, one]) => one.receiver === receiver)
          .map(([, one]) => summaryNotice(one)),
      ]
      for (const notice of notices) this.#record({ receiver, notice, attempt: 0, status: 'dead', at, detail })
      this.#queue.removeReceiver(receiver)
    }
  }
}
