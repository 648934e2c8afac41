/** Knows which groups have taken up their work: a group's `start` has resolved for each partition of its share. */
import type { Bus, ProcessOptions, RequiredGroup } from '../core/bus/bus.ts'

export interface Starts {
  /** The same bus; groups that process through it are watched. */
  bus: Bus
  /** Groups that do not know their share yet, or have not started in all of it. */
  pending(): string[]
  /** Resolves when none is pending for the first time. */
  all: Promise<void>
}

class Start {
  readonly #started = new Set<number>()
  #share: readonly number[] | undefined

  assigned(partitions: readonly number[]): void {
    this.#share = partitions
    for (const partition of [...this.#started]) if (!partitions.includes(partition)) this.#started.delete(partition)
  }

  started(partition: number): void {
    this.#started.add(partition)
  }

  get isDone(): boolean {
    return this.#share?.every((partition) => this.#started.has(partition)) ?? false
  }
}

export function watchStarts(bus: Bus, groups: readonly RequiredGroup[]): Starts {
  const nameOf = ({ group, topic }: RequiredGroup) => JSON.stringify([group, topic])
  const starts = new Map(groups.map((group) => [nameOf(group), new Start()]))
  const pending = () => groups.filter((group) => !starts.get(nameOf(group))!.isDone).map(({ group }) => group)
  let done = () => {}
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const look = () => {
    if (pending().length === 0) done()
  }
  look()
  const process = (options: ProcessOptions) => {
    const start = starts.get(nameOf(options))
    return bus.process({
      ...options,
      onAssigned: (partitions) => {
        start?.assigned(partitions)
        options.onAssigned?.(partitions)
        look()
      },
      start: async (assignment) => {
        const processor = await options.start(assignment)
        start?.started(assignment.partition)
        look()
        return processor
      },
    })
  }
  return {
    bus: {
      partitions: (topic) => bus.partitions(topic),
      publish: (records) => bus.publish(records),
      process,
      ...(bus.follow === undefined ? {} : { follow: (options) => bus.follow!(options) }),
      lag: () => bus.lag(),
      close: () => bus.close(),
    },
    pending,
    all,
  }
}
