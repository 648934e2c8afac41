import { EventEmitter, once } from 'node:events'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { encodeBlock } from '../../core/block.ts'
import { MINUTE, SECOND } from '../../core/clock.ts'
import { PipelineError } from '../../core/errors.ts'
import { encodeTick } from '../../core/tick.ts'
import type { Store } from '../../storage/clickhouse.ts'
import { SinkProcessor } from '../../storage/sink-processor.ts'
import { callsSink } from '../../storage/sinks/calls.ts'
import { blockOf, deliveryId, sampleCall, T0 } from './calls.ts'
import { MemoryTopic } from './memory-bus.ts'
import { noEngine, openMigrated, type TestStore } from './store.ts'

class Crash extends Error {}

/** A store that fails as told, before or after the real one did its work. */
function faulty(
  store: Store,
  fail: (what: string) => 'no' | 'before' | 'after' | 'crash-before' | 'crash-after',
): Store {
  const around = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const how = fail(what)
    if (how === 'before') throw new PipelineError('store_unavailable', 'told to fail', { retriable: true })
    if (how === 'crash-before') throw new Crash()
    const result = await work()
    if (how === 'after') throw new PipelineError('store_unavailable', 'told to fail', { retriable: true })
    if (how === 'crash-after') throw new Crash()
    return result
  }
  return {
    ...store,
    insert: (options) => around('insert', () => store.insert(options)),
    command: (sql) => around('offsets', () => store.command(sql)),
  }
}

/** After so long without anything to store, progress is committed. */
const IDLE_SECONDS = 60

/** Blocks of a few calls over some seconds, resent deliveries among them, a tick a second, then quiet. Expected: each delivery once. */
function sampleLog(): { topic: MemoryTopic; expected: string[] } {
  const topic = new MemoryTopic('eastwatch.calls')
  const expected: string[] = []
  let seq = 0
  let row = 0
  for (let second = 0; second < 30; second += 1) {
    for (let n = 0; n < 3; n += 1) {
      const delivery = second * 3 + n
      topic.append(blockOf(delivery, row, 5, T0 + second * SECOND))
      for (let i = 0; i < 5; i += 1) expected.push(`request-${row + i}`)
      row += 5
    }
    if (second % 4 === 1) topic.append(blockOf(second * 3, second * 3 * 5, 5, T0 + second * SECOND))
    if (second % 5 === 2) {
      // A resent delivery and a new one in one block.
      topic.append(
        encodeBlock([
          { id: deliveryId(second * 3 + 1), calls: [sampleCall(9_999_999, T0)] },
          { id: deliveryId(100_000 + second), calls: [sampleCall(row, T0 + second * SECOND)] },
        ]),
      )
      expected.push(`request-${row}`)
      row += 1
    }
    seq += 1
    topic.append(encodeTick({ producer: 'c1', seq, time: T0 + (second + 1) * SECOND, leave: false }))
  }
  // The first of these ends the last batch.
  for (let second = 35; second <= 35 + IDLE_SECONDS; second += 5) {
    seq += 1
    topic.append(encodeTick({ producer: 'c1', seq, time: T0 + second * SECOND, leave: false }))
  }
  return { topic, expected: expected.sort() }
}

describe.skipIf(noEngine())('a sink', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openMigrated()
  })
  afterAll(() => store.stop())
  beforeEach(async () => {
    // Also forgets the tokens.
    for (const table of ['calls', 'offsets']) await store.store.command(`TRUNCATE TABLE eastwatch.${table}`)
  })

  const stored = async () => {
    const rows = await store.rows<{ id: string }>('SELECT request_id AS id FROM eastwatch.calls ORDER BY id')
    return rows.map((row) => row.id)
  }
  const batches = async () => {
    const rows = await store.rows<{ batch: string }>('SELECT DISTINCT batch FROM eastwatch.calls ORDER BY batch')
    return rows.map((row) => row.batch)
  }

  it('stores each delivery once, however often it was sent, and says how far it is', async () => {
    const { topic, expected } = sampleLog()
    await topic.run(
      (assignment) => SinkProcessor.start(callsSink, store.store, assignment),
      () => 7,
    )
    expect(await stored()).toEqual(expected)
    expect(topic.committed).toBe(topic.log.length)
    expect(
      await store.rows('SELECT sink, topic, partition, max(next) AS next FROM eastwatch.offsets GROUP BY ALL'),
    ).toEqual([
      { sink: 'calls', topic: 'eastwatch.calls@log', partition: 3, next: topic.log.length - IDLE_SECONDS / 5 },
    ])
  })

  it('cuts the same batches for any size of bus batches', async () => {
    const cuts: string[][] = []
    for (const size of [1, 4, 1000]) {
      const { topic } = sampleLog()
      await topic.run(
        (assignment) => SinkProcessor.start(callsSink, store.store, assignment),
        () => size,
      )
      cuts.push(await batches())
      for (const table of ['calls', 'offsets']) await store.store.command(`TRUNCATE TABLE eastwatch.${table}`)
    }
    expect(cuts[0]!.length).toBeGreaterThan(5)
    expect(cuts[1]).toEqual(cuts[0])
    expect(cuts[2]).toEqual(cuts[0])
  })

  it('a collector whose clock is ten minutes ahead has no delivery stored twice, and holds nothing up once it has gone', async () => {
    const topic = new MemoryTopic('eastwatch.calls')
    const tick = (producer: string, second: number, ahead = 0) =>
      topic.append(encodeTick({ producer, seq: second, time: T0 + second * SECOND + ahead, leave: false }))
    tick('right', 1)
    topic.append(blockOf(1, 0, 5, T0))
    for (let second = 2; second < 8; second += 1) {
      tick('right', second)
      tick('ahead', second, 10 * MINUTE)
    }
    topic.append(blockOf(1, 0, 5, T0))
    topic.append(blockOf(2, 5, 5, T0 + 8 * SECOND))
    for (let second = 8; second < 12; second += 1) tick('right', second)
    await topic.run(
      (assignment) => SinkProcessor.start(callsSink, store.store, assignment),
      () => 3,
    )
    expect(await stored()).toEqual(Array.from({ length: 10 }, (_, i) => `request-${i}`))
    expect(await batches()).toHaveLength(2)
  })

  it('calls across an hour border go in as one insert for each hour', async () => {
    const topic = new MemoryTopic('eastwatch.calls')
    const before = T0 - 2 * SECOND
    topic.append(
      encodeBlock([
        { id: deliveryId(1), calls: [sampleCall(1, before), sampleCall(2, T0 + SECOND), sampleCall(3, before)] },
      ]),
    )
    topic.append(encodeTick({ producer: 'c', seq: 1, time: T0, leave: false }))
    topic.append(encodeTick({ producer: 'c', seq: 2, time: T0 + 100 * SECOND, leave: false }))
    topic.append(encodeTick({ producer: 'c', seq: 3, time: T0 + 200 * SECOND, leave: false }))
    await topic.run(
      (assignment) => SinkProcessor.start(callsSink, store.store, assignment),
      () => 1,
    )
    expect(await stored()).toEqual(['request-1', 'request-2', 'request-3'])
    expect(await batches()).toHaveLength(2)
  })

  it('neither loses nor doubles a row, whatever fails when, and wherever it is killed', async () => {
    const outcome = fc.constantFrom('no', 'no', 'no', 'before', 'after', 'crash-before', 'crash-after') as fc.Arbitrary<
      'no' | 'before' | 'after' | 'crash-before' | 'crash-after'
    >
    await fc.assert(
      fc.asyncProperty(
        fc.array(outcome, { maxLength: 25 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (plan, sizes) => {
          for (const table of ['calls', 'offsets']) await store.store.command(`TRUNCATE TABLE eastwatch.${table}`)
          const { topic, expected } = sampleLog()
          const faults = [...plan]
          const failing = faulty(store.store, () => faults.shift() ?? 'no')
          let turn = 0
          for (let starts = 0; topic.committed < topic.log.length; starts += 1) {
            if (starts > 60) throw new Error('does not get on')
            try {
              await topic.run(
                (assignment) => SinkProcessor.start(callsSink, failing, assignment),
                () => sizes[turn++ % sizes.length]!,
                () => {
                  // Killed between the insert and the bus's commit.
                  if (faults.length > 0 && faults[0] === 'crash-after') {
                    faults.shift()
                    throw new Crash()
                  }
                },
              )
            } catch (error) {
              if (!(error instanceof Crash)) throw error
            }
          }
          expect(await stored()).toEqual(expected)
        },
      ),
      // Two batches end in the first step, and only the first of them is remembered.
      { numRuns: 12, examples: [[['no', 'no', 'no', 'no', 'no', 'crash-before'], [18]]] },
    )
  }, 120_000)

  it('of a log that was made anew all goes in, also at the places where the old one was', async () => {
    const { topic } = sampleLog()
    const run = (log: MemoryTopic) =>
      log.run(
        (assignment) => SinkProcessor.start(callsSink, store.store, assignment),
        () => 9,
      )
    await run(topic)
    const [before] = await store.rows<{ calls: string }>('SELECT count() AS calls FROM eastwatch.calls')
    const anew = new MemoryTopic('eastwatch.calls', 'anew')
    anew.append(...topic.log.map(({ value }) => value))
    await run(anew)
    const [after] = await store.rows<{ calls: string }>('SELECT count() AS calls FROM eastwatch.calls')
    expect(Number(after!.calls)).toBe(2 * Number(before!.calls))
  })

  it('rows whose token the engine noted without keeping them are put in again', async () => {
    const { topic, expected } = sampleLog()
    let lost = false
    // The engine dies after noting the token: the repeat is taken for a duplicate. Played by deleting the rows.
    const losing: Store = {
      ...store.store,
      insert: async (options) => {
        await store.store.insert(options)
        if (lost) return
        lost = true
        await store.store.command('ALTER TABLE eastwatch.calls DELETE WHERE true SETTINGS mutations_sync = 2')
        throw new Crash()
      },
    }
    const run = (through: Store) =>
      topic.run(
        (assignment) => SinkProcessor.start(callsSink, through, assignment),
        () => 9,
      )
    await expect(run(losing)).rejects.toThrow(Crash)
    await run(store.store)
    expect(await stored()).toEqual(expected)
  })

  describe('two processes at one partition', () => {
    const start = (through: Store, topic: MemoryTopic) => SinkProcessor.start(callsSink, through, topic.assignment())
    const toTheEnd = (topic: MemoryTopic, size: number) =>
      topic.run(
        () => start(store.store, topic),
        () => size,
      )
    /** As the bus would hand the rest to it, without what shuts a zombie out. */
    const stepThrough = async (
      processor: SinkProcessor,
      topic: MemoryTopic,
      from: number,
      to: number,
      size: number,
    ) => {
      for (let at = from; at < to; at += size) {
        const records = topic.log.slice(at, Math.min(at + size, to))
        await processor.step({ topic: topic.topic, partition: 3, records })
      }
    }
    const undisturbed = async () => {
      const { topic } = sampleLog()
      await toTheEnd(topic, 9)
      const cuts = await batches()
      for (const table of ['calls', 'offsets']) await store.store.command(`TRUNCATE TABLE eastwatch.${table}`)
      return cuts
    }

    it('one that was stopped in the middle of an insert wakes up after the other has gone on: nothing doubles', async () => {
      const cuts = await undisturbed()
      const { topic, expected } = sampleLog()
      let sent = 0
      const events = new EventEmitter()
      const [asleep, woken] = [once(events, 'asleep'), once(events, 'woken')]
      const stopped: Store = {
        ...store.store,
        insert: async (options) => {
          sent += 1
          if (sent === 3) {
            events.emit('asleep')
            await woken
          }
          await store.store.insert(options)
        },
      }
      const zombie = stepThrough(await start(stopped, topic), topic, 0, topic.log.length, 4)
      await asleep
      await toTheEnd(topic, 9)
      events.emit('woken')
      await zombie
      expect(sent).toBeGreaterThan(3)
      expect(await stored()).toEqual(expected)
      expect(await batches()).toEqual(cuts)
    })

    it('one that was stopped for longer than tokens are known looks before it inserts', async () => {
      const cuts = await undisturbed()
      const { topic, expected } = sampleLog()
      const middle = Math.floor(topic.log.length / 2)
      const zombie = await start(store.store, topic)
      await stepThrough(zombie, topic, 0, middle, 4)
      await store.store.command('ALTER TABLE eastwatch.calls MODIFY SETTING non_replicated_deduplication_window = 1')
      await toTheEnd(topic, 9)
      const now = performance.now()
      const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 11_000)
      try {
        await stepThrough(zombie, topic, middle, topic.log.length, 4)
      } finally {
        clock.mockRestore()
        await store.store.command(
          'ALTER TABLE eastwatch.calls MODIFY SETTING non_replicated_deduplication_window = 10000',
        )
      }
      expect(await stored()).toEqual(expected)
      expect(await batches()).toEqual(cuts)
    })

    it('both at once from the start: nothing doubles, as each is unsure of the same batches', async () => {
      for (let round = 0; round < 5; round += 1) {
        for (const table of ['calls', 'offsets']) await store.store.command(`TRUNCATE TABLE eastwatch.${table}`)
        const { topic, expected } = sampleLog()
        const both = await Promise.all([start(store.store, topic), start(store.store, topic)])
        await Promise.all(both.map((one, at) => stepThrough(one, topic, 0, topic.log.length, 3 + 4 * at)))
        expect(await stored()).toEqual(expected)
      }
    })
  })

  it('a batch that ClickHouse refuses stops the sink and names the table', async () => {
    const { topic } = sampleLog()
    await store.store.command('ALTER TABLE eastwatch.calls ADD CONSTRAINT never CHECK path = 1')
    const run = topic.run(
      (assignment) => SinkProcessor.start(callsSink, store.store, assignment),
      () => 9,
    )
    await expect(run).rejects.toMatchObject({
      code: 'store_rejected',
      message: expect.stringContaining('insert into calls'),
    })
    await store.store.command('ALTER TABLE eastwatch.calls DROP CONSTRAINT never')
  })
})
