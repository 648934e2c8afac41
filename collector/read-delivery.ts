/** Turns one delivery of logs into calls by partition and rejected records. Nothing leaves before all of it was read. */
import type { CallRows } from '../core/block.ts'
import { partitionOf } from '../core/bus/topics.ts'
import type { Call } from '../core/call.ts'
import { DAY, SECOND } from '../core/clock.ts'
import { PipelineError } from '../core/errors.ts'
import { type Delivery, deliveryId } from './delivery.ts'
import type { Annotator } from './naming/annotate.ts'
import type { KnownRecord } from './otlp/known-record.ts'
import type { ReadLimits } from './otlp/limits.ts'
import { type LogRecord, sizeOf } from './otlp/log-record.ts'
import { readLogs } from './otlp/read-logs.ts'
import { readLogsJson } from './otlp/read-logs-json.ts'
import type { Rejected } from './rejected.ts'
import { RememberedCalls } from './remembered-calls.ts'
import { isCall, type LogSource, type Unreadable } from './sources/source.ts'

/** Further ahead of its arrival than this, a record's time is set back to it. */
export const MAX_AHEAD_US = 60 * SECOND
/** A time before this is absurd: no mesh is that old. 2000-01-01. */
const EARLIEST_US = 946_684_800 * SECOND
const MAX_DURATION_US = 366 * DAY
/**
 * Characters of all calls of one delivery. A resource's attributes count for each of its records: a small body could otherwise become
 * a thousand times its size.
 */
const MAX_WEIGHT = 128 * 1024 * 1024
/** Of a record beside the characters it said: together they bound what its call can take up in a block. */
const RECORD_WEIGHT = 100
/** All samples of one delivery together, so that refusing costs no more than accepting. */
const MAX_SAMPLES_BYTES = 256 * 1024

export interface ReadingRules {
  /** Readers of log records, in the order in which they are asked. */
  sources: readonly LogSource[]
  annotator: Annotator
  partitions: number
  latenessUs: number
  limits: ReadLimits
}

/** Calls of one partition, as ordinals of rows. `weights[i]` bounds the size of call i in characters. */
export interface PartitionCalls {
  rows: number[]
  weights: number[]
}

export interface ReadDelivery {
  id: Uint8Array
  /** Size of its body. */
  bytes: number
  records: number
  calls: number
  late: number
  clamped: number
  /** Sum of the calls' weights. */
  weight: number
  partitions: Map<number, PartitionCalls>
  rejected: Rejected[]
}

export class DeliveryReader {
  readonly #rules: ReadingRules
  readonly #calls: RememberedCalls

  constructor(rules: ReadingRules) {
    this.#rules = rules
    this.#calls = new RememberedCalls(rules.sources, rules.annotator)
  }

  /**
   * Appends the delivery's calls to `rows`. Throws `bad_input` or `too_large` where the body as a whole cannot be read, with `rows`
   * as they were.
   */
  read(delivery: Delivery, rows: CallRows): ReadDelivery {
    const before = rows.mark()
    try {
      return this.#read(delivery, rows)
    } catch (error) {
      rows.restore(before)
      throw error
    }
  }

  #read(delivery: Delivery, rows: CallRows): ReadDelivery {
    const { annotator, partitions, latenessUs, limits } = this.#rules
    const { sender, received } = delivery
    const id = deliveryId(delivery)
    const hex = Buffer.from(id).toString('hex')
    const read: ReadDelivery = {
      id,
      bytes: delivery.body.byteLength,
      records: 0,
      calls: 0,
      late: 0,
      clamped: 0,
      weight: 0,
      partitions: new Map(),
      rejected: [],
    }
    let samples = 0

    const visit = (record: LogRecord, position: number, sample: () => Buffer, known?: KnownRecord): void => {
      const result = this.#calls.read(record, known, delivery)
      const problem = isCall(result) ? setTimes(result, record, latenessUs, read) : result
      if (problem !== undefined) {
        const text = samples < MAX_SAMPLES_BYTES ? printable(sample()) : ''
        samples += text.length
        const { reason, detail } = problem
        const { trust } = sender
        read.rejected.push({
          received,
          sender: sender.key,
          trust,
          signal: 'logs',
          delivery: hex,
          position,
          reason,
          detail,
          sample: text,
        })
        return
      }
      const call = result as Call
      annotator.learn(call)
      const partition = partitionOf(call.destinationService, partitions)
      let own = read.partitions.get(partition)
      if (own === undefined) {
        own = { rows: [], weights: [] }
        read.partitions.set(partition, own)
      }
      own.rows.push(rows.length)
      rows.append(call, this.#calls.ids)
      const weight = RECORD_WEIGHT + (known?.size ?? sizeOf(record))
      own.weights.push(weight)
      read.weight += weight
      if (read.weight > MAX_WEIGHT)
        throw new PipelineError('too_large', `calls of one request exceed ${MAX_WEIGHT} characters`)
      read.calls += 1
    }
    const reader = delivery.encoding === 'json' ? readLogsJson : readLogs
    read.records = reader(delivery.body, limits, visit)
    return read
  }
}

/** Checks and sets the call's times; the reason where they are impossible. */
function setTimes(call: Call, record: LogRecord, latenessUs: number, read: ReadDelivery): Unreadable | undefined {
  const { start, end, durationUs, received } = call
  if (!(durationUs >= 0 && durationUs <= MAX_DURATION_US)) {
    return { reason: 'duration_absurd', detail: `duration of ${durationUs} us is not between 0 and 366 days` }
  }
  if (!(start >= EARLIEST_US && end >= start && end <= Number.MAX_SAFE_INTEGER)) {
    return { reason: 'time_absurd', detail: `start ${start}, end ${end} (epoch us): before 2000, or end before start` }
  }
  // A source may have set it back by itself; the record tells.
  if (Math.max(end, record.timeUs) - received > MAX_AHEAD_US) {
    read.clamped += 1
    call.end = Math.min(end, received)
    call.start = call.end - durationUs
    call.late = false
    return undefined
  }
  call.late = received - end > latenessUs
  if (call.late) read.late += 1
  return undefined
}

function printable(bytes: Buffer): string {
  return bytes
    .toString('utf8')
    .replace(/[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffc]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .slice(0, 2048)
}
