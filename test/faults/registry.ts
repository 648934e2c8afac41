/** The faults that there are, and what they add up to. */
import { ROLES } from '../../cli/roles/role.ts'
import { brokerPause } from './broker-pause.ts'
import { brokerRestart } from './broker-restart.ts'
import { clockOff } from './clock-off.ts'
import type { Fault } from './fault.ts'
import { kill } from './kill.ts'
import { poison } from './poison.ts'
import { stall } from './stall.ts'
import { storeRefuses } from './store-refuses.ts'
import { storeSlow } from './store-slow.ts'

const MINUTE_S = 60

/** Each role dies alone and with others. */
const DEATHS: readonly Fault[] = [
  kill('collector'),
  kill('storage'),
  kill('detectors', 'alerts'),
  kill('collector', 'storage'),
  kill(...ROLES),
]

/** Every kind of fault that fits into a minute or two. */
export const SHORT: readonly Fault[] = [
  ...DEATHS,
  stall('detectors'),
  brokerRestart,
  brokerPause(8),
  storeRefuses,
  storeSlow,
  poison,
  clockOff(MINUTE_S),
]

/** A hundred deaths and more. */
export const MANY_DEATHS: readonly Fault[] = Array.from({ length: 10 }, () => [
  ...DEATHS,
  ...ROLES.map((role) => kill(role)),
]).flat()

/** What lasts: every process stalls, and what serves them is away for as long as a minute. */
export const LONG_PAUSES: readonly Fault[] = [
  brokerPause(MINUTE_S),
  ...(['detectors', 'storage', 'alerts'] as const).map((role) => stall(role)),
  brokerRestart,
  brokerRestart,
  storeRefuses,
  storeSlow,
]

/** A clock leaps by a minute or by ten, ahead or back, and is set right. */
export const CLOCK_JUMPS: readonly Fault[] = [MINUTE_S, -MINUTE_S, 9 * MINUTE_S, MINUTE_S].map((by) => clockOff(by))
