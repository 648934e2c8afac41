/** Plays a story to a site while faults strike. */
import { setTimeout as delay } from 'node:timers/promises'
import { readStored, type Stored } from '../e2e/stored.ts'
import type { Stretch } from '../e2e/traffic.ts'
import type { Strike } from './schedule.ts'
import type { Site } from './site.ts'

/** Bodies of a stretch that was hit which are sent once more: as senders do that saw no acknowledgement. */
const SENT_AGAIN = 2

export interface Progress {
  /** Told as each begins, and of what it took when it is over. */
  onBegin(strike: Strike): void
  onEnd(strike: Strike, ms: number): void
}

export async function play(
  site: Site,
  stretches: readonly Stretch[],
  strikes: readonly Strike[],
  { onBegin, onEnd }: Progress,
): Promise<Stored> {
  let since = 0
  for (const [i, stretch] of stretches.entries()) {
    const begins = strikes.find(({ at }) => at === i)
    const ends = strikes.find(({ at, fault }) => at + (fault.stretches ?? 0) === i)
    const strike = begins ?? ends
    const hurt = async () => {
      if (strike === undefined) return
      await delay(strike.afterMs)
      if (begins !== undefined) {
        since = performance.now()
        onBegin(strike)
        await strike.fault.inject(site, strike.choice)
      }
      if (ends === undefined) return
      await strike.fault.heal?.(site, strike.choice)
      onEnd(strike, performance.now() - since)
    }
    await site.fleet.play(stretch, strike === undefined ? {} : { [strike.phase]: hurt })
    if (strike === undefined) continue
    await Promise.all(stretch.bodies.slice(0, SENT_AGAIN).map((body) => site.fleet.send(body)))
  }
  await site.fleet.settleAndStop()
  return readStored(site.fleet.storageWorld)
}
