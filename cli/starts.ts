/** Knows which groups have taken up their work: a group's `start` has resolved for each partition of its topic. */
import type { Bus, ProcessOptions, RequiredGroup } from '../core/bus/bus.ts'

export interface Starts {
  /** The same bus; groups that process through it are watched. */
  bus: Bus
  /** Groups that have not started in every partition yet. */
  pending(): string[]
  /** Resolves when none is pending. */
  all: Promise<void>
}

export function watchStarts(bus: Bus, groups: readonly RequiredGroup[]): Starts {
  const nameOf = (group: string, topic: string, partition: number) => JSON.stringify([group, topic, partition])
  const pending = new Map(
    groups.flatMap(({ topic, group }) =>
      Array.from(
        { length: bus.partitions(topic) },
        (_, partition) => [nameOf(group, topic, partition), group] as const,
      ),
    ),
  )
  let done = () => {}
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const process = (options: ProcessOptions) =>
    bus.process({
      ...options,
      start: async (assignment) => {
        const processor = await options.start(assignment)
        pending.delete(nameOf(options.group, options.topic, assignment.partition))
        if (pending.size === 0) done()
        return processor
      },
    })
  return {
    bus: {
      partitions: (topic) => bus.partitions(topic),
      publish: (records) => bus.publish(records),
      process,
      lag: () => bus.lag(),
      close: () => bus.close(),
    },
    pending: () => [...new Set(pending.values())],
    all,
  }
}
