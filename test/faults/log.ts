/** What Kafka holds in the end, read by somebody who belongs to no group. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeRejected } from '../../collector/rejected.ts'
import { Block } from '../../core/block.ts'
import { openKafkaBus } from '../../core/bus/kafka/kafka-bus.ts'
import { TOPIC, topicSpecs } from '../../core/bus/topics.ts'
import { type AlertRecord, decodeAlertRecord } from '../../storage/incident-records.ts'
import { SESSION_MS, type Site } from './site.ts'

export interface Log {
  /** Records that were acknowledged, however often: those that became calls, and those that were rejected. */
  received: number
  /** Of them, what came with a delivery that had come before. */
  duplicates: number
  /** Changes of incidents, as `id/version`. */
  changes: string[]
}

export async function readLog({ broker, prefix, partitions }: Site): Promise<Log> {
  const bus = await openKafkaBus({
    reach: { brokers: [broker.brokers] },
    prefix,
    folder: mkdtempSync(join(tmpdir(), 'eastwatch-state-')),
    topics: topicSpecs(partitions),
    replicationFactor: 1,
    sessionTimeoutMs: SESSION_MS,
  })
  const log: Log = { received: 0, duplicates: 0, changes: [] }
  const each = (topic: string, take: (value: Uint8Array) => void) => {
    const stop = new AbortController()
    const onRecords = (records: readonly { value: Uint8Array }[]) => {
      for (const { value } of records) take(value)
    }
    const { caughtUp, running } = bus.follow!({ topic, since: 0, onRecords, signal: stop.signal })
    return caughtUp.then(() => {
      stop.abort()
      return running
    })
  }
  const seen = new Set<string>()
  const count = (place: string, rows: number) => {
    log.received += rows
    if (seen.has(place)) log.duplicates += rows
    seen.add(place)
  }
  // A part of a delivery is named by its first call, as several parts of one may be in the log.
  const calls = (value: Uint8Array) => {
    const block = readable(() => new Block(value))
    for (const { id, from, to } of block?.deliveries ?? []) {
      const { requestId, reporter, reporterPod } = block!.call(from)
      count(JSON.stringify([Buffer.from(id).toString('hex'), requestId, reporter, reporterPod]), to - from)
    }
  }
  const rejected = (value: Uint8Array) => {
    for (const { delivery, position } of readable(() => decodeRejected(value)) ?? [])
      count(`${delivery}/${position}`, 1)
  }
  const changes = (value: Uint8Array) => {
    const record: AlertRecord | undefined = readable(() => decodeAlertRecord(value))
    if (record?.type === 'incident') log.changes.push(`${record.id}/${record.version}`)
  }
  try {
    await Promise.all([each(TOPIC.calls, calls), each(TOPIC.rejected, rejected), each(TOPIC.incidents, changes)])
    return log
  } finally {
    await bus.close()
  }
}

/** undefined for ticks and poison. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
