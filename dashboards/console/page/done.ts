/** What follows an action: the page shows it, and says so. */
import type { Taken } from '../../../alerts/api/take.ts'
import type { Surroundings } from './view.ts'

export async function showDone(around: Surroundings, { shows }: Taken, said: string): Promise<void> {
  if (shows) await around.reload()
  around.say(shows ? said : `${said} It shows here once Eastwatch has read its log that far.`)
}
