/** What every bus must do, said through the `Bus` interface alone. Each implementation's test runs this suite. */
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { Assignment, Bus, TopicSpec } from '../../../core/bus/bus.ts'
import { PipelineError } from '../../../core/errors.ts'
import { assignments, bytes, contents, gate, nextOf, plain, stateOf, take, text } from './drive.ts'

export interface BusUnderTest {
  bus: Bus
  /** The bus as a new process finds it after this one was killed now. What goes on with the old one has no effect. */
  reopen(): Promise<Bus>
  /** Closes all that were opened. */
  close(): Promise<void>
}

const TOPICS: TopicSpec[] = [
  { name: 'in', partitions: 2 },
  { name: 'out', partitions: 3 },
  { name: 'wide', partitions: 16 },
]

export function describeBusContract(name: string, makeBus: (topics: TopicSpec[]) => Promise<BusUnderTest>): void {
  const opened: BusUnderTest[] = []
  const make = async () => {
    const under = await makeBus(TOPICS)
    opened.push(under)
    return under
  }
  afterEach(async () => {
    for (const under of opened.splice(0)) await under.close()
  })
  const numbered = (count: number, topic = 'in', partition = 0) =>
    Array.from({ length: count }, (_, i) => ({ topic, partition, value: bytes(`${partition}:${i}`) }))

  describe(`${name}: log`, () => {
    it('keeps the order of a partition, with rising offsets', async () => {
      const { bus } = await make()
      for (let i = 0; i < 20; i += 1) {
        await bus.publish([0, 1, 0].map((partition) => ({ topic: 'in', partition, value: bytes(`${i}`) })))
      }
      const got = await take(bus, 'in', 'g', 60)
      const order = (twice: number) => Array.from({ length: 20 * twice }, (_, i) => `${Math.floor(i / twice)}`)
      expect(got.get(0)?.map(({ value }) => text(value))).toEqual(order(2))
      expect(got.get(1)?.map(({ value }) => text(value))).toEqual(order(1))
      for (const records of got.values()) {
        records.forEach(({ offset }, i) => {
          if (i > 0) expect(offset).toBeGreaterThan(records[i - 1]!.offset)
        })
      }
    })

    it('gives back the very bytes, from none to 256 KiB', async () => {
      const { bus } = await make()
      const values = [0, 1, 64, 1999, 2000, 2001, 4096, 65_536, 262_144].map((size) => {
        const value = new Uint8Array(size + 3).subarray(3)
        for (let i = 0; i < size; i += 1) value[i] = (i * 31 + size) & 0xff
        return value
      })
      await bus.publish(values.map((value) => ({ topic: 'in', partition: 1, value })))
      const got = (await take(bus, 'in', 'g', values.length)).get(1)!
      got.forEach(({ value }, i) => {
        expect(Buffer.compare(value, values[i]!)).toBe(0)
      })
    })

    it('takes values from memory that is written anew once they are published', async () => {
      const { bus } = await make()
      const memory = new Uint8Array(5000)
      const values = [memory.subarray(0, 2000), memory.subarray(2000)]
      for (const mark of [1, 2, 3]) {
        memory.fill(mark)
        await bus.publish(values.map((value) => ({ topic: 'in', partition: 0, value })))
      }
      memory.fill(4)
      const got = (await take(bus, 'in', 'g', 6)).get(0)!
      expect(got.map(({ value }) => value.length)).toEqual([2000, 3000, 2000, 3000, 2000, 3000])
      expect(got.map(({ value }) => [...new Set(value)])).toEqual([[1], [1], [2], [2], [3], [3]])
    })

    it('loses and doubles nothing of many publishers at once, and keeps the order of each', async () => {
      const { bus } = await make()
      const publisher = async (id: number) => {
        for (let i = 0; i < 20; i += 1) {
          await bus.publish([{ topic: 'in', partition: id % 2, value: bytes(`${id}:${i}`) }])
        }
      }
      await Promise.all(Array.from({ length: 30 }, (_, id) => publisher(id)))
      const all = (await contents(bus, 'in', 600)).flat()
      for (let id = 0; id < 30; id += 1) {
        const own = all.filter((value) => value.startsWith(`${id}:`))
        expect(own).toEqual(Array.from({ length: 20 }, (_, i) => `${id}:${i}`))
      }
    })

    it('is one log to all groups, also after a crash, and another made anew is another', async () => {
      const { bus, reopen } = await make()
      const idIn = async (of: Bus, group: string): Promise<string> => {
        const [id, stop] = [gate<string>(), new AbortController()]
        const start = (assignment: Assignment) => {
          id.open(assignment.logId)
          return plain(assignment, () => undefined)
        }
        const running = of.process({ topic: 'in', group, signal: stop.signal, start })
        const known = await id.opened
        stop.abort()
        await running
        return known
      }
      const id = await idIn(bus, 'g')
      expect(id).toMatch(/^[0-9a-z]+$/)
      expect(await idIn(bus, 'h')).toBe(id)
      expect(await idIn(await reopen(), 'g')).toBe(id)
      expect(await idIn((await make()).bus, 'g')).not.toBe(id)
    })

    it('has every acknowledged record after a crash', async () => {
      const { bus, reopen } = await make()
      await bus.publish(numbered(10))
      expect((await contents(await reopen(), 'in', 10))[0]).toEqual(numbered(10).map(({ value }) => text(value)))
    })

    it('refuses what it has no topic or partition for, and appends nothing of it', async () => {
      const { bus } = await make()
      const value = bytes('x')
      await expect(
        bus.publish([
          { topic: 'in', partition: 0, value },
          { topic: 'no', partition: 0, value },
        ]),
      ).rejects.toThrow('no')
      await expect(
        bus.publish([
          { topic: 'in', partition: 0, value },
          { topic: 'in', partition: 2, value },
        ]),
      ).rejects.toThrow('2')
      expect(() => bus.partitions('no')).toThrow('no')
      await bus.publish(numbered(1))
      expect(await contents(bus, 'in', 1)).toEqual([['0:0'], []])
    })
  })

  describe(`${name}: groups`, () => {
    it('a new group starts at the start of the log, a known one where it was, also after a crash', async () => {
      const { bus, reopen } = await make()
      await bus.publish(numbered(5))
      await take(bus, 'in', 'g', 5)
      await bus.publish(numbered(7).slice(5))
      const second = await reopen()
      expect((await take(second, 'in', 'g', 2)).get(0)?.map(({ value }) => text(value))).toEqual(['0:5', '0:6'])
      expect((await contents(second, 'in', 7))[0]).toHaveLength(7)
    })

    it('are independent: each has all records, its own offsets and its own state', async () => {
      const { bus } = await make()
      await bus.publish(numbered(4))
      const stop = new AbortController()
      const got: Record<string, number> = { a: 0, b: 0 }
      const run = (group: string) =>
        bus.process({
          topic: 'in',
          group,
          signal: stop.signal,
          start: (assignment) =>
            plain(assignment, (batch) => {
              got[group]! += batch.records.length
              if (got.a === 4 && got.b === 4) stop.abort()
              return { next: nextOf(batch), state: [{ key: 'mine', value: bytes(group) }] }
            }),
        })
      await Promise.all([run('a'), run('b')])
      for (const group of ['a', 'b']) {
        const [first, second] = await assignments(bus, 'in', group)
        expect(first?.state).toEqual([['mine', group]])
        expect(second?.state).toEqual([])
      }
    })

    it('say how far they are', async () => {
      const { bus } = await make()
      await bus.publish(numbered(3))
      await take(bus, 'in', 'g', 3)
      const of = async () =>
        (await bus.lag()).find(({ topic, partition, group }) => topic === 'in' && partition === 0 && group === 'g')!
      const { committed, end } = await of()
      expect(committed).toBe(end)
      await bus.publish(numbered(2))
      const later = await of()
      expect(later.committed).toBe(committed)
      expect(later.end).toBeGreaterThan(end)
    })

    it('work on all partitions at once: one that hangs stops no other', async () => {
      const { bus } = await make()
      await bus.publish(Array.from({ length: 16 }, (_, partition) => ({ topic: 'wide', partition, value: bytes('x') })))
      const stop = new AbortController()
      const done = new Set<number>()
      const hang = gate()
      await bus.process({
        topic: 'wide',
        group: 'g',
        signal: stop.signal,
        start: (assignment) =>
          plain(assignment, async (batch) => {
            if (batch.partition === 5) await hang.opened
            done.add(batch.partition)
            if (done.size === 15) hang.open()
            if (done.size === 16) stop.abort()
            return { next: nextOf(batch) }
          }),
      })
      expect([...done].at(-1)).toBe(5)
    })

    it('give the same results for any batch size', async () => {
      const { bus } = await make()
      const values = Array.from({ length: 50 }, (_, i) => 'v'.repeat((i * 37) % 300))
      await bus.publish(values.map((value) => ({ topic: 'in', partition: 0, value: bytes(value) })))
      for (const size of [1, 200, 1000, 1_000_000]) {
        const got = await take(bus, 'in', `g${size}`, values.length, size)
        expect(got.get(0)?.map(({ value }) => text(value))).toEqual(values)
      }
    })

    it('never give more than the batch size, one record aside', async () => {
      const { bus } = await make()
      await bus.publish(
        Array.from({ length: 40 }, (_, i) => ({ topic: 'in', partition: 0, value: Buffer.alloc(i * 10) })),
      )
      const stop = new AbortController()
      let left = 40
      await bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        maxBatchBytes: 500,
        start: (assignment) =>
          plain(assignment, (batch) => {
            const size = batch.records.reduce((sum, { value }) => sum + value.length, 0)
            expect(batch.records.length === 1 || size <= 500).toBe(true)
            left -= batch.records.length
            if (left === 0) stop.abort()
            return { next: nextOf(batch) }
          }),
      })
    })
  })

  describe(`${name}: process`, () => {
    it('publishes nothing of a step that a crash keeps from committing, and all of it once afterwards', async () => {
      const { bus, reopen } = await make()
      await bus.publish(numbered(3))
      const stop = new AbortController()
      const crashed = gate<Bus>()
      const old = bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        start: (assignment) =>
          plain(assignment, async (batch) => {
            crashed.open(await reopen())
            return {
              next: nextOf(batch),
              publish: [{ topic: 'out', partition: 0, value: bytes('once') }],
              state: [{ key: 'k', value: bytes('v') }],
            }
          }),
      })
      const second = await crashed.opened
      stop.abort()
      await old.catch(() => {})
      const [before] = await assignments(second, 'in', 'g')
      expect(before?.state).toEqual([])
      const again = new AbortController()
      let left = 3
      await second.process({
        topic: 'in',
        group: 'g',
        signal: again.signal,
        start: (assignment) =>
          plain(assignment, (batch) => {
            left -= batch.records.length
            if (left === 0) again.abort()
            return {
              next: nextOf(batch),
              publish: batch.records.map(({ value }) => ({ topic: 'out', partition: 1, value })),
            }
          }),
      })
      expect(await contents(second, 'out', 3)).toEqual([[], ['0:0', '0:1', '0:2'], []])
    })

    it('gives each output once and a state that fits, for crashes at any moment', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.nat(6), { maxLength: 8 }),
          fc.constantFrom(1, 20, 1000),
          async (crashes, maxBatchBytes) => {
            const under = await make()
            await under.bus.publish(numbered(40))
            let bus = under.bus
            for (const steps of [...crashes, Number.POSITIVE_INFINITY])
              bus = await sumUntilCrash(bus, under.reopen, 40, steps, maxBatchBytes)
            expect((await contents(bus, 'out', 40))[0]).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`))
            expect((await assignments(bus, 'in', 'sum'))[0]?.state).toEqual([['count', '40']])
          },
        ),
        { numRuns: 10 },
      )
    })

    it('reads again after a crash what a step kept in memory', async () => {
      const { bus, reopen } = await make()
      await bus.publish(numbered(3))
      const seen = gate()
      const hold = bus.process({
        topic: 'in',
        group: 'g',
        signal: AbortSignal.timeout(60_000),
        start: (assignment) =>
          plain(assignment, ({ records }) => {
            if (records.some(({ value }) => text(value) === '0:2')) seen.open()
            return undefined
          }),
      })
      hold.catch(() => {})
      await seen.opened
      expect((await take(await reopen(), 'in', 'g', 3)).get(0)).toHaveLength(3)
    })

    it('replays from `keep` what memory needs, before what is new', async () => {
      const { bus, reopen } = await make()
      await bus.publish(numbered(6))
      const offsets: number[] = []
      const stop = new AbortController()
      await bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        maxBatchBytes: 1,
        start: (assignment) =>
          plain(assignment, (batch) => {
            offsets.push(batch.records[0]!.offset)
            if (offsets.length === 4) stop.abort()
            return {
              next: nextOf(batch),
              keep: offsets[Math.max(0, offsets.length - 3)]!,
              state: [{ key: 'keep', value: bytes(`${offsets[Math.max(0, offsets.length - 3)]}`) }],
            }
          }),
      })
      const second = await reopen()
      const replayed: string[] = []
      const fresh: string[] = []
      const end = new AbortController()
      await second.process({
        topic: 'in',
        group: 'g',
        signal: end.signal,
        maxBatchBytes: 1,
        start: async (assignment) => {
          const keep = Number((await stateOf(assignment))[0]?.[1] ?? assignment.committed)
          return {
            from: keep,
            step(batch) {
              const { offset, value } = batch.records[0]!
              if (offset < assignment.committed) {
                replayed.push(text(value))
                return undefined
              }
              fresh.push(text(value))
              if (fresh.length === 2) end.abort()
              return { next: offset + 1 }
            },
          }
        },
      })
      expect(replayed).toEqual(['0:1', '0:2', '0:3'])
      expect(fresh).toEqual(['0:4', '0:5'])
    })

    it('rejects a result for records that were done before', async () => {
      const { bus } = await make()
      await bus.publish(numbered(4))
      await take(bus, 'in', 'g', 4)
      const [{ committed } = { committed: 0 }] = await assignments(bus, 'in', 'g')
      const run = bus.process({
        topic: 'in',
        group: 'g',
        signal: AbortSignal.timeout(60_000),
        maxBatchBytes: 1,
        start: ({ partition }) => ({
          from: partition === 0 ? committed - 4 : 0,
          step: (batch) => ({ next: nextOf(batch) }),
        }),
      })
      await expect(run).rejects.toThrow('next')
    })

    it('restores state ordered by key, without what was deleted', async () => {
      const { bus, reopen } = await make()
      await bus.publish(numbered(2))
      const long = (end: string) => `l${'o'.repeat(3000)}ng ${end}`
      const keys = ['b', 'a', '', 'é', 'ab', 'z\u{1f600}', long('b'), long('a'), 'a/0', 'gone']
      const stop = new AbortController()
      let step = 0
      await bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        maxBatchBytes: 1,
        start: (assignment) =>
          plain(assignment, (batch) => {
            step += 1
            if (step === 1)
              return { next: nextOf(batch), state: keys.map((key) => ({ key, value: bytes(`old ${key}`) })) }
            stop.abort()
            const rest = keys.filter((key) => key !== 'gone').map((key) => ({ key, value: bytes(`new ${key}`) }))
            return {
              next: nextOf(batch),
              state: [...rest, { key: 'gone', value: null }, { key: 'never', value: null }],
            }
          }),
      })
      const [first] = await assignments(await reopen(), 'in', 'g')
      const expected = keys.filter((key) => key !== 'gone').sort((a, b) => Buffer.compare(bytes(a), bytes(b)))
      expect(first?.state).toEqual(expected.map((key) => [key, `new ${key}`]))
    })

    it('tries a retriable failure again with the same batch', async () => {
      const { bus } = await make()
      await bus.publish(numbered(3))
      const stop = new AbortController()
      const tried: string[][] = []
      await bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        maxBatchBytes: 6,
        start: (assignment) =>
          plain(assignment, (batch) => {
            tried.push(batch.records.map(({ value }) => text(value)))
            if (tried.length < 3) throw new PipelineError('store_unavailable', 'not now', { retriable: true })
            if (tried.flat().includes('0:2')) stop.abort()
            return { next: nextOf(batch) }
          }),
      })
      expect(tried).toEqual([['0:0', '0:1'], ['0:0', '0:1'], ['0:0', '0:1'], ['0:2']])
    })

    it('tries a start that failed for a while again, with the state anew', async () => {
      const { bus } = await make()
      await bus.publish(numbered(1))
      const first = new AbortController()
      await bus.process({
        topic: 'in',
        group: 'g',
        signal: first.signal,
        start: (assignment) =>
          plain(assignment, (batch) => {
            first.abort()
            return { next: nextOf(batch), state: [{ key: 'k', value: bytes('v') }] }
          }),
      })
      await bus.publish(numbered(1))
      const stop = new AbortController()
      const states: unknown[] = []
      await bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        start: async (assignment) => {
          if (assignment.partition === 0) states.push(await stateOf(assignment))
          if (states.length === 1) throw new PipelineError('store_unavailable', 'not now', { retriable: true })
          return plain(assignment, (batch) => {
            stop.abort()
            return { next: nextOf(batch) }
          })
        },
      })
      expect(states).toEqual([[['k', 'v']], [['k', 'v']]])
    })

    it('stops at once while a start is tried again', async () => {
      const { bus } = await make()
      const stop = new AbortController()
      await bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        start: () => {
          setImmediate(() => stop.abort())
          throw new PipelineError('store_unavailable', 'wait', { retriable: true, retryAfterMs: 3_600_000 })
        },
      })
    })

    it('rejects on any other failure, stops all partitions, and commits nothing of the step', async () => {
      const { bus } = await make()
      await bus.publish([...numbered(1), ...numbered(1, 'in', 1)])
      const stopped: number[] = []
      const failure = new PipelineError('block_corrupt', 'broken')
      const run = bus.process({
        topic: 'in',
        group: 'g',
        signal: AbortSignal.timeout(60_000),
        start: ({ committed, partition }) => ({
          from: committed,
          step() {
            if (partition === 1) return undefined
            throw failure
          },
          stop: () => void stopped.push(partition),
        }),
      })
      await expect(run).rejects.toBe(failure)
      expect(stopped.sort()).toEqual([0, 1])
      expect((await take(bus, 'in', 'g', 2)).size).toBe(2)
    })

    it('tells which partitions are its own before it starts them', async () => {
      const { bus } = await make()
      const told: string[] = []
      const stop = new AbortController()
      await bus.process({
        topic: 'out',
        group: 'g',
        signal: stop.signal,
        onAssigned: (share) => void (share.length > 0 && told.push(`share ${[...share].sort()}`)),
        start: (assignment) => {
          told.push('start')
          if (told.length === 4) stop.abort()
          return plain(assignment, () => undefined)
        },
      })
      expect(told).toEqual(['share 0,1,2', 'start', 'start', 'start'])
    })

    it('rejects where a processor cannot be started', async () => {
      const { bus } = await make()
      const start = () => Promise.reject(new Error('no memory'))
      await expect(
        bus.process({ topic: 'in', group: 'g', signal: AbortSignal.timeout(60_000), start }),
      ).rejects.toThrow('no memory')
    })

    it.each(['idle', 'in a step', 'in back-off'])('stops at once when told to: %s', async (where) => {
      const { bus } = await make()
      if (where !== 'idle') await bus.publish(numbered(1))
      const stop = new AbortController()
      const reached = gate()
      let starts = 0
      let stops = 0
      const run = bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        start: ({ committed, partition }) => {
          starts += 1
          if (where === 'idle') reached.open()
          return {
            from: committed,
            async step(_batch, signal) {
              reached.open()
              if (where === 'in back-off')
                throw new PipelineError('store_unavailable', 'wait', { retriable: true, retryAfterMs: 3_600_000 })
              await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
              throw new Error(`not reached in ${partition}`)
            },
            stop: () => {
              stops += 1
            },
          }
        },
      })
      await reached.opened
      await expect.poll(() => starts).toBe(2)
      await new Promise(setImmediate)
      stop.abort()
      await run
      expect(stops).toBe(2)
    })

    it('wakes for what is published while it waits, also by another step', async () => {
      const { bus } = await make()
      const stop = new AbortController()
      const idle = gate()
      const done = gate<string>()
      const run = (topic: string, step: Parameters<typeof plain>[1]) =>
        bus.process({
          topic,
          group: 'g',
          signal: stop.signal,
          start: (assignment) => {
            if (topic === 'out' && assignment.partition === 2) setImmediate(idle.open)
            return plain(assignment, step)
          },
        })
      const first = run('in', (batch) => ({
        next: nextOf(batch),
        publish: batch.records.map(({ value }) => ({ topic: 'out', partition: 2, value })),
      }))
      const second = run('out', (batch) => {
        done.open(text(batch.records[0]!.value))
        return { next: nextOf(batch) }
      })
      await idle.opened
      await bus.publish(numbered(1, 'in', 1))
      expect(await done.opened).toBe('1:0')
      stop.abort()
      await Promise.all([first, second])
    })

    it('resolves for a signal that has aborted already', async () => {
      const { bus } = await make()
      await bus.process({
        topic: 'in',
        group: 'g',
        signal: AbortSignal.abort(),
        start: (assignment) => plain(assignment, () => undefined),
      })
    })
  })
}

/** Counts the records of `in`, one output each, until `total` or a crash in the given step. Gives the bus to go on with. */
async function sumUntilCrash(
  bus: Bus,
  reopen: () => Promise<Bus>,
  total: number,
  crashAt: number,
  maxBatchBytes: number,
) {
  const stop = new AbortController()
  let steps = 0
  let next = bus
  await bus.process({
    topic: 'in',
    group: 'sum',
    signal: stop.signal,
    maxBatchBytes,
    start: async (assignment) => {
      let count = Number((await stateOf(assignment))[0]?.[1] ?? 0)
      if (assignment.partition === 0 && count === total) stop.abort()
      return plain(assignment, async (batch) => {
        if (steps === crashAt) {
          next = await reopen()
          stop.abort()
        }
        steps += 1
        const publish = batch.records.map((_, i) => ({ topic: 'out', partition: 0, value: bytes(`${count + i}`) }))
        count += batch.records.length
        if (count === total) stop.abort()
        return { next: nextOf(batch), publish, state: [{ key: 'count', value: bytes(`${count}`) }] }
      })
    },
  })
  return next
}
