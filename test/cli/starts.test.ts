import { expect, it } from 'vitest'
import { watchStarts } from '../../cli/starts.ts'
import type { Assignment, Bus, ProcessOptions } from '../../core/bus/bus.ts'

const processor = { from: 0, step: () => undefined }
const assignment = (topic: string, partition: number): Assignment => ({ topic, partition, committed: 0, state: [] })

it('a group has started once its start has resolved in every partition of its topic', async () => {
  const processes: ProcessOptions[] = []
  const bus = {
    partitions: () => 2,
    process: async (options: ProcessOptions) => {
      processes.push(options)
    },
  } as unknown as Bus
  const starts = watchStarts(bus, [
    { topic: 'calls', group: 'a' },
    { topic: 'calls', group: 'b' },
  ])
  let all = false
  void starts.all.then(() => {
    all = true
  })
  const signal = new AbortController().signal
  for (const group of ['a', 'b', 'other']) {
    void starts.bus.process({ topic: 'calls', group, signal, start: async () => processor })
  }
  const [a, b, other] = processes
  await a!.start(assignment('calls', 0))
  await other!.start(assignment('calls', 0))
  expect(starts.pending()).toEqual(['a', 'b'])
  await a!.start(assignment('calls', 1))
  await b!.start(assignment('calls', 0))
  expect(starts.pending()).toEqual(['b'])
  expect(all).toBe(false)
  expect(await b!.start(assignment('calls', 1))).toBe(processor)
  expect(starts.pending()).toEqual([])
  await starts.all
})

it('a start that failed has not started, and may be tried again', async () => {
  let options: ProcessOptions | undefined
  const bus = {
    partitions: () => 1,
    process: async (given: ProcessOptions) => {
      options = given
    },
  } as unknown as Bus
  const starts = watchStarts(bus, [{ topic: 'calls', group: 'a' }])
  let fails = true
  const start = async () => {
    if (fails) throw new Error('not yet')
    return processor
  }
  void starts.bus.process({ topic: 'calls', group: 'a', signal: new AbortController().signal, start })
  await expect(options!.start(assignment('calls', 0))).rejects.toThrow('not yet')
  expect(starts.pending()).toEqual(['a'])
  fails = false
  await options!.start(assignment('calls', 0))
  expect(starts.pending()).toEqual([])
})
