/**
 * Keeps what collectors have learned beyond their lives: reads the topic of names into state, one key an address. State is as bounded
 * as a directory is: in age by the newest name of the partition, in number by the partition's share.
 */
import type { Assignment, Bus, PartitionProcessor, StateWrite } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import type { Logger } from '../../core/logger.ts'
import { type Changes, Directory, MAX_LEARNED_ADDRESSES } from './directory.ts'
import { decodeNames, encodeNames, type LearnedName } from './learned-name.ts'

export const NAMES_GROUP = 'names'

/** Names are many at once where a minute begins for a large mesh: many short transactions rather than a long one. */
const MAX_BATCH_BYTES = 64 * 1024
/** Addresses do not fall quite evenly into partitions. */
const ROOM = 1.25

export interface RememberedNames {
  /**
   * All that the log knew of names when this began, once it is read. Rejects where it cannot be read, or the signal aborts before.
   */
  before: Promise<LearnedName[]>
  /** Until the signal aborts; rejects when it fails for good. */
  running: Promise<void>
}

export function rememberNames(
  { bus, logger }: { bus: Pick<Bus, 'partitions' | 'process' | 'lag'>; logger: Logger },
  signal: AbortSignal,
): RememberedNames {
  const partitions = bus.partitions(TOPIC.names)
  const limit = Math.ceil((ROOM * MAX_LEARNED_ADDRESSES) / partitions)
  const tables = new Map<number, Directory>()
  let allRead = () => {}
  const read = new Promise<void>((resolve) => {
    allRead = resolve
  })
  const onRead = (partition: number, table: Directory): void => {
    tables.set(partition, table)
    if (tables.size === partitions) allRead()
  }
  const running = bus.process({
    topic: TOPIC.names,
    group: NAMES_GROUP,
    signal,
    maxBatchBytes: MAX_BATCH_BYTES,
    start: async (assignment) => {
      const { partition } = assignment
      const own = (await bus.lag()).find(
        (lag) => lag.topic === TOPIC.names && lag.group === NAMES_GROUP && lag.partition === partition,
      )
      return startTable(assignment, own!.end, new Directory(limit), (table) => onRead(partition, table), logger)
    },
  })
  const ended = running.then(() => {
    throw signal.reason
  })
  const before = Promise.race([read, ended]).then(() => [...tables.values()].flatMap((table) => table.names()))
  before.catch(() => {
    // Told to whoever awaits it.
  })
  return { before, running }
}

/** `onRead` is told once, when everything before `end` is in the table. */
async function startTable(
  { committed, state, partition }: Assignment,
  end: number,
  table: Directory,
  onRead: (table: Directory) => void,
  logger: Logger,
): Promise<PartitionProcessor> {
  const decode = (value: Uint8Array): readonly LearnedName[] => {
    const names = decodeNames(value)
    // Names annotate: without some of them is better than not at all.
    if (names === undefined) logger.warn({ partition }, 'a record of learned names cannot be read and is left out')
    return names ?? []
  }
  const stored: LearnedName[] = []
  for await (const [, value] of state) for (const name of decode(value)) stored.push(name)
  // Deleted with the first step.
  let { forgotten } = table.know(stored)
  let told = false
  const reached = (next: number): void => {
    if (told || next < end) return
    told = true
    onRead(table)
  }
  reached(committed)
  return {
    from: committed,
    step({ records }) {
      const changes = table.know(records.flatMap(({ value }) => decode(value)))
      const writes = stateWrites({ ...changes, forgotten: [...forgotten, ...changes.forgotten] })
      forgotten = []
      const next = records.at(-1)!.offset + 1
      reached(next)
      return { next, state: writes }
    },
  }
}

function stateWrites({ changed, forgotten }: Changes): StateWrite[] {
  return [
    ...forgotten.map((address) => ({ key: address, value: null })),
    ...changed.map((name) => ({ key: name.address, value: encodeNames([name]) })),
  ]
}
