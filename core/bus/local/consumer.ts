/** One group's loop over one partition: read a batch, step, commit, give way to others. */
import { isRetriable, messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { retry } from '../../retry.ts'
import type { Batch, BusRecord, PartitionProcessor, ProcessOptions, StepResult } from '../bus.ts'
import type { Append, Committer } from './committer.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Store } from './store.ts'

export interface ConsumerParts {
  store: Store
  committer: Committer
  log: PartitionLog
  appends: (result: StepResult) => Append[]
  logger: Logger | undefined
}

const DEFAULT_BATCH_BYTES = 1024 * 1024
const MAX_BATCH_RECORDS = 4096
const BACKOFF = { firstMs: 50, maxMs: 5000 }

/** Runs until the signal aborts; rejects when a step fails for good. The group must be registered. */
export async function consume(options: ProcessOptions, signal: AbortSignal, parts: ConsumerParts): Promise<void> {
  const { store, log } = parts
  const { group } = options
  const offsets = log.groups.get(group)!
  log.requireFrom(offsets.keep, group)
  const { topic, partition } = log
  let processor: PartitionProcessor | undefined
  try {
    processor = await retry(
      async () => {
        const state = store.state(log.topicId, partition, group)
        return options.start({ topic, partition, logId: store.logId, committed: offsets.next, state })
      },
      { ...BACKOFF, signal, onRetry: report(parts, group) },
    )
    await loop(options, signal, parts, processor)
  } catch (error) {
    if (!signal.aborted || !isOfAbort(error, signal)) throw error
  } finally {
    await processor?.stop?.()
  }
}

async function loop(options: ProcessOptions, signal: AbortSignal, parts: ConsumerParts, processor: PartitionProcessor) {
  const { log } = parts
  const { group } = options
  const again = { ...BACKOFF, signal, onRetry: report(parts, group) }
  const committed = log.groups.get(group)!.next
  if (processor.from > committed)
    throw new Error(`group ${group} starts at ${processor.from}, past its offset ${committed}`)
  log.requireFrom(processor.from, group)
  const reader = new Reader(parts.store, log, options.maxBatchBytes ?? DEFAULT_BATCH_BYTES, processor.from)
  while (!signal.aborted) {
    await log.appended(reader.next, signal)
    const records = signal.aborted ? [] : reader.read()
    if (records.length === 0) continue
    const batch: Batch = { topic: log.topic, partition: log.partition, records }
    const result = await retry(async () => processor.step(batch, signal), again)
    if (result !== undefined) {
      const { next, keep } = checked(result, log, group, reader.next)
      const appends = parts.appends(result)
      const commit = { log, group, next, keep, state: result.state ?? [] }
      const submit = () => parts.committer.submit(appends, commit)
      // Tried once even where the signal has aborted meanwhile: what the step did need not be done again.
      await submit().catch((error) => (isRetriable(error) ? retry(submit, again) : Promise.reject(error)))
    }
    await new Promise(setImmediate)
  }
}

/** The offsets of a result, or an error where it breaks the contract. */
function checked({ next, keep = next }: StepResult, log: PartitionLog, group: string, read: number) {
  const { next: committed } = log.groups.get(group)!
  if (!(next >= committed && next <= read)) {
    throw new Error(
      `group ${group} of ${log.topic}/${log.partition} returned next ${next}, outside ${committed} to ${read}`,
    )
  }
  if (!(keep >= log.bounds.start && keep <= next)) {
    throw new Error(
      `group ${group} of ${log.topic}/${log.partition} returned keep ${keep}, outside ${log.bounds.start} to ${next}`,
    )
  }
  return { next, keep }
}

class Reader {
  next: number
  readonly #store: Store
  readonly #log: PartitionLog
  readonly #maxBytes: number
  /** A record that was read but had no room in its batch. */
  #over: BusRecord | undefined

  constructor(store: Store, log: PartitionLog, maxBytes: number, from: number) {
    this.#store = store
    this.#log = log
    this.#maxBytes = maxBytes
    this.next = from
  }

  read(): BusRecord[] {
    const records: BusRecord[] = []
    let bytes = 0
    const fits = (record: BusRecord) => {
      bytes += record.value.length
      return records.length === 0 || (bytes <= this.#maxBytes && records.length < MAX_BATCH_RECORDS)
    }
    const over = this.#over
    this.#over = undefined
    if (over !== undefined && fits(over)) records.push(over)
    const from = over === undefined ? this.next : over.offset + 1
    if (bytes < this.#maxBytes) {
      for (const record of this.#store.read(this.#log.topicId, this.#log.partition, from, this.#log.bounds.end)) {
        if (!fits(record)) {
          this.#over = record
          break
        }
        records.push(record)
      }
    }
    const last = records.at(-1)
    if (last !== undefined) this.next = last.offset + 1
    return records
  }
}

function report({ log, logger }: ConsumerParts, group: string) {
  return (error: unknown, attempt: number, pauseMs: number) => {
    if (attempt % 10 !== 1) return
    const where = { topic: log.topic, partition: log.partition, group, attempt, pauseMs: Math.round(pauseMs) }
    logger?.warn({ ...where, error: messageOf(error) }, 'a step or its start failed and is tried again')
  }
}

/** What a step throws because it was told to stop. */
function isOfAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError') || isRetriable(error)
}
