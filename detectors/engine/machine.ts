/**
 * A stage as a machine that eats one partition's records in order, and the processor that lets a bus drive it.
 *
 * Memory is rebuilt after a restart from three parts of the log (offsets rise to the right):
 *
 *      keep            flushed              committed
 *   ----|----------------|----------------------|--------->
 *        only what was     all, but what comes     all
 *        open at `flushed` of it is out already
 *
 * State as of `flushed` is written once a minute of log time; `keep` is the first record with a part in a window then open.
 */
import type { Assignment, BusRecord, PartitionProcessor, Publication, StateWrite } from '../../core/bus/bus.ts'
import { messageOf, PipelineError } from '../../core/errors.ts'

export interface Machine {
  /** Takes back one committed state value. */
  load(key: string, value: Uint8Array): void
  /** Offsets of the state that was loaded; undefined where there is none. */
  readonly position: { flushed: number; keep: number } | undefined
  /** A record before `flushed`: puts back what was open, and no more. */
  rebuild(record: BusRecord): void
  /** A record from `flushed` on: what it makes, or undefined where nothing has to be committed yet. */
  handle(record: BusRecord): Publication[] | undefined
  /** What to write with a commit up to `next`: state, where a flush is due, and the offset to keep from. */
  checkpoint(next: number): { keep: number; state: StateWrite[] }
}

export async function createProcessor(assignment: Assignment, machine: Machine): Promise<PartitionProcessor> {
  for await (const [key, value] of assignment.state) load(machine, assignment, key, value)
  const flushed = machine.position?.flushed ?? assignment.committed
  return {
    from: machine.position?.keep ?? assignment.committed,
    step({ records }) {
      const publish: Publication[] = []
      let due = false
      for (const record of records) {
        if (record.offset < flushed) {
          machine.rebuild(record)
          continue
        }
        const made = machine.handle(record)
        if (made === undefined || record.offset < assignment.committed) continue
        due = true
        publish.push(...made)
      }
      if (!due) return undefined
      const next = records.at(-1)!.offset + 1
      return { next, ...machine.checkpoint(next), publish }
    },
  }
}

function load(machine: Machine, { topic, partition }: Assignment, key: string, value: Uint8Array): void {
  try {
    machine.load(key, value)
  } catch (cause) {
    throw new PipelineError(
      'block_corrupt',
      `what the detectors remember of ${topic}/${partition} cannot be read (${messageOf(cause)}): a damaged disk, or the state of another version`,
      { cause },
    )
  }
}
