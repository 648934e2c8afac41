/** What a page of the console is, and what it is given. */
import type { Session } from '../../../alerts/api/access.ts'
import type { Incident } from './incidents.ts'
import type { Range } from './range.ts'

export interface Surroundings {
  session: Session
  range: Range
  /** What stands in the search box. */
  search(): string
  /** Incidents that are open or acknowledged, as read for this load. */
  alive(): Promise<Incident[]>
  /** Loads the view again, now; resolves when it shows what was read. */
  reload(): Promise<void>
  /** Tells a sentence at the foot of the window, for a while. */
  say(text: string): void
}

export interface View {
  element: HTMLElement
  title: string
  /**
   * Reads what it shows and shows it; called again and again. What is selected, open or scrolled stays. The signal aborts where it is called
   * again meanwhile: what was asked earlier must not take the place of what is newer.
   */
  load(signal: AbortSignal): Promise<void>
  /** The search box has another text. Without it the view is loaded again. */
  search?(): void
  /** Escape: true where there was something to leave. */
  leave?(): boolean
  /** j and k, where they do more than to move between `.row`s. */
  move?(step: 1 | -1): void
  stop?(): void
}

export function canAct({ role }: Session): boolean {
  return role !== 'reader'
}
