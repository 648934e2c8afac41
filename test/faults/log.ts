/** What Kafka holds in the end, read by a group of its own. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeRejected } from '../../collector/rejected.ts'
import { Block } from '../../core/block.ts'
import { openKafkaBus } from '../../core/bus/kafka/kafka-bus.ts'
import { TOPIC, topicSpecs } from '../../core/bus/topics.ts'
import { type AlertRecord, decodeAlertRecord } from '../../storage/incident-records.ts'
import { nextOf, plain } from '../core/bus/drive.ts'
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
  const end = Buffer.from(randomUUID())
  const each = async (topic: string, take: (value: Uint8Array) => void) => {
    const count = bus.partitions(topic)
    await bus.publish(Array.from({ length: count }, (_, partition) => ({ topic, partition, value: end })))
    const stop = new AbortController()
    let ended = 0
    await bus.process({
      topic,
      group: 'judge',
      signal: stop.signal,
      start: (assignment) =>
        plain(assignment, (batch) => {
          for (const { value } of batch.records) {
            if (end.equals(value)) ended += 1
            else take(value)
          }
          if (ended === count) stop.abort()
          return { next: nextOf(batch) }
        }),
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
