/** What every fault is. Each is a file of its own and a line in registry.ts. */
import type { Site } from './site.ts'

export interface Fault {
  name: string
  /** Resolves when the harm is done. `choice` is drawn with the schedule, at least 0 and below 1: whom to hit, where there are several. */
  inject(site: Site, choice: number): Promise<void>
  /** Resolves when nothing stands in the way any more. Absent where `inject` leaves nothing to mend. */
  heal?(site: Site, choice: number): Promise<void>
  /** Stretches that are played before it is healed. None where no stretch can be played to its end before. */
  stretches?: number
  /** Processes that it kills. */
  kills?: number
  /** Kinds of findings that Eastwatch must make of it, beside those of the story. */
  told?: readonly string[]
}
