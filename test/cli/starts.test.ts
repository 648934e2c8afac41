import { expect, it } from 'vitest'
import { watchStarts } from '../../cli/starts.ts'
import type { Assignment, Bus, ProcessOptions } from '../../core/bus/bus.ts'

const processor = { from: 0, step: () => undefined }
const assignment = (topic: string, partition: number): Assignment => ({
  topic,
  partition,
  logId: 'log',
  committed: 0,
  state: [],
})

function watched(...groups: string[]) {
  const processes: ProcessOptions[] = []
  const bus = {
    process: async (options: ProcessOptions) => {
      processes.push(options)
    },
  } as unknown as Bus
  const starts = watchStarts(
    bus,
    groups.map((group) => ({ topic: 'calls', group })),
  )
  const take = (group: string, rest: Partial<ProcessOptions> = {}) => {
    const signal = new AbortController().signal
    void starts.bus.process({ topic: 'calls', group, signal, start: async () => processor, ...rest })
    return processes.at(-1)!
  }
  return { starts, take }
}

it('a group has started once its start has resolved in every partition of its share', async () => {
  const { starts, take } = watched('a', 'b')
  let all = false
  void starts.all.then(() => {
    all = true
  })
  const shares: (readonly number[])[] = []
  const [a, b, other] = [take('a', { onAssigned: (share) => shares.push(share) }), take('b'), take('other')]
  a.onAssigned!([0, 1])
  expect(shares).toEqual([[0, 1]])
  other.onAssigned!([0])
  await a.start(assignment('calls', 0))
  await other.start(assignment('calls', 0))
  expect(starts.pending()).toEqual(['a', 'b'])
  await a.start(assignment('calls', 1))
  expect(starts.pending()).toEqual(['b'])
  await Promise.resolve()
  expect(all).toBe(false)
  b.onAssigned!([5])
  expect(await b.start(assignment('calls', 5))).toBe(processor)
  expect(starts.pending()).toEqual([])
  await starts.all
})

it('a share that is empty has started, one that grows has not', async () => {
  const { starts, take } = watched('a')
  const a = take('a')
  a.onAssigned!([])
  await starts.all
  expect(starts.pending()).toEqual([])
  a.onAssigned!([3])
  expect(starts.pending()).toEqual(['a'])
  await a.start(assignment('calls', 3))
  expect(starts.pending()).toEqual([])
  a.onAssigned!([])
  a.onAssigned!([3])
  expect(starts.pending()).toEqual(['a'])
})

it('a start that failed has not started, and may be tried again', async () => {
  const { starts, take } = watched('a')
  let fails = true
  const start = async () => {
    if (fails) throw new Error('not yet')
    return processor
  }
  const a = take('a', { start })
  a.onAssigned!([0])
  await expect(a.start(assignment('calls', 0))).rejects.toThrow('not yet')
  expect(starts.pending()).toEqual(['a'])
  fails = false
  await a.start(assignment('calls', 0))
  expect(starts.pending()).toEqual([])
})

it('where no group is watched, all have started', async () => {
  const { starts } = watched()
  await starts.all
  expect(starts.bus.follow).toBeUndefined()
})
