/**
 * A collector's clock is wrong, and set right again. Of three it has no say in what time it is. It is always the same one: two that are wrong
 * would outvote the third, and a clock that was ahead is not right before the others have come up with it, as ticks never go back.
 */
import { SECOND } from '../../core/clock.ts'
import type { Fault } from './fault.ts'

const COLLECTOR = 0

export function clockOff(seconds: number): Fault {
  return {
    name: `clock off by ${seconds} s`,
    inject: ({ fleet }) => fleet.setAhead(COLLECTOR, seconds * SECOND),
    heal: ({ fleet }) => fleet.setAhead(COLLECTOR, 0),
    stretches: 4,
    told: ['collector_clock_off'],
  }
}
