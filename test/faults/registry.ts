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

const KILLS: readonly Fault[] = [...ROLES.map((role) => kill(role)), kill('collector', 'storage'), kill(...ROLES)]

/** Every kind of fault that fits into a minute. */
export const SHORT: readonly Fault[] = [
  ...KILLS,
  stall('detectors'),
  brokerRestart,
  brokerPause(8000),
  storeRefuses,
  storeSlow,
  poison,
  clockOff(MINUTE_S),
]
