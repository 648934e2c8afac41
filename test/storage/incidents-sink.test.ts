/** What people do is stored with its audit, and not with the log's next tick. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TOPIC } from '../../core/bus/topics.ts'
import { type AlertRecord, encodeAlertRecord } from '../../storage/incident-records.ts'
import { SinkProcessor } from '../../storage/sink-processor.ts'
import { incidentsSink } from '../../storage/sinks/incidents.ts'
import { record } from '../alerts/records.ts'
import { MemoryTopic } from './memory-bus.ts'
import { noEngine, openMigrated, type TestStore } from './store.ts'

const acknowledged = (id: string): AlertRecord[] => [
  record({ id, version: 2, acknowledgedBy: 'ada' }),
  {
    type: 'audit',
    id: `audit of ${id}`,
    at: Date.UTC(2027, 0, 1) * 1000,
    actor: 'ada',
    action: 'acknowledge',
    subject: `incident ${id}`,
    detail: 'done. mine',
  },
]

describe.skipIf(noEngine())('the sink of incidents', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openMigrated()
  })
  afterAll(() => store.stop())

  it.each([1, 2, 1000])('stores an action with its audit, without a tick (%i records at a time)', async (size) => {
    const topic = new MemoryTopic(TOPIC.incidents)
    const records = [record({ id: 'a' }), ...acknowledged('a'), ...acknowledged('b'), record({ id: 'later' })]
    topic.append(...records.map(encodeAlertRecord))
    await topic.run(
      (assignment) => SinkProcessor.start(incidentsSink, store.store, assignment),
      () => size,
    )
    // Of a repeat with other sizes the batches are the same, or each audit would be there again.
    expect(await store.rows('SELECT id, batch FROM audit ORDER BY id')).toEqual([
      { id: 'audit of a', batch: 'log-incidents-3-0-2-audit-2027-01' },
      { id: 'audit of b', batch: 'log-incidents-3-3-4-audit-2027-01' },
    ])
    expect(await store.rows('SELECT id, version, state FROM incidents FINAL ORDER BY id')).toEqual([
      { id: 'a', version: 2, state: 'acknowledged' },
      { id: 'b', version: 2, state: 'acknowledged' },
    ])
    expect(topic.committed).toBe(5)
    await store.store.command('TRUNCATE TABLE eastwatch.offsets')
  })
})
