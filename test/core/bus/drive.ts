/** Small drivers of a bus for tests. */
import type { Assignment, Batch, Bus, BusRecord, PartitionProcessor, StepResult } from '../../../core/bus/bus.ts'

export const text = (value: Uint8Array) => Buffer.from(value).toString()
export const bytes = (value: string) => Buffer.from(value)
export const nextOf = ({ records }: Batch) => records.at(-1)!.offset + 1

/** Records from the group's committed offset on are given to `step`; those before it cannot come. */
export function plain(
  { committed }: Assignment,
  step: (batch: Batch, signal: AbortSignal) => StepResult | undefined | Promise<StepResult | undefined>,
): PartitionProcessor {
  return { from: committed, step }
}

/** Reads a topic from the group's offset on until `count` records came, and commits them. By partition, in order. */
export async function take(bus: Bus, topic: string, group: string, count: number, maxBatchBytes?: number) {
  const got = new Map<number, BusRecord[]>()
  const stop = new AbortController()
  let left = count
  await bus.process({
    topic,
    group,
    signal: stop.signal,
    ...(maxBatchBytes === undefined ? {} : { maxBatchBytes }),
    start: (assignment) =>
      plain(assignment, (batch) => {
        const { partition, records } = batch
        const list = got.get(partition) ?? []
        got.set(partition, list)
        for (const { offset, value } of records) list.push({ offset, value: Buffer.from(value) })
        left -= records.length
        if (left <= 0) stop.abort()
        return { next: nextOf(batch) }
      }),
  })
  return got
}

/** Texts of all records of a topic, by partition, read by a group that was never there before. */
export async function contents(bus: Bus, topic: string, count: number): Promise<string[][]> {
  fresh += 1
  if (count === 0) return Array.from({ length: bus.partitions(topic) }, () => [])
  const got = await take(bus, topic, `reader-${fresh}`, count)
  return Array.from({ length: bus.partitions(topic) }, (_, partition) =>
    (got.get(partition) ?? []).map(({ value }) => text(value)),
  )
}
let fresh = 0

export async function stateOf({ state }: Assignment): Promise<[string, string][]> {
  const entries: [string, string][] = []
  for await (const [key, value] of state) entries.push([key, text(value)])
  return entries
}

/** The assignments of a group as they are now. */
export async function assignments(bus: Bus, topic: string, group: string) {
  const seen: { partition: number; committed: number; state: [string, string][] }[] = []
  const stop = new AbortController()
  await bus.process({
    topic,
    group,
    signal: stop.signal,
    start: async (assignment) => {
      const { partition, committed } = assignment
      seen.push({ partition, committed, state: await stateOf(assignment) })
      if (seen.length === bus.partitions(topic)) stop.abort()
      return plain(assignment, () => undefined)
    },
  })
  return seen.sort((a, b) => a.partition - b.partition)
}

/** A promise and the function that fulfils it. */
export function gate<T = void>() {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { open, opened }
}
