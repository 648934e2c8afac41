/** One collector's clock is wrong, and set right again. Of three, it has no say in what time it is. */
import { SECOND } from '../../core/clock.ts'
import type { Fault } from './fault.ts'

export function clockOff(seconds: number): Fault {
  const indexOf = async ({ fleet }: Parameters<Fault['inject']>[0], choice: number) =>
    Math.floor(choice * (await fleet.processes('collector')).length)
  return {
    name: `clock off by ${seconds} s`,
    inject: async (site, choice) => site.fleet.setAhead(await indexOf(site, choice), seconds * SECOND),
    heal: async (site, choice) => site.fleet.setAhead(await indexOf(site, choice), 0),
    stretches: 4,
    told: ['collector_clock_off'],
  }
}
