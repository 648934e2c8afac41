/** The groups of the bus that each role reads with: all of them must have read a record before the log may forget it. */
import { ALERT_GROUPS } from '../../alerts/app.ts'
import { NAMES_GROUP } from '../../collector/naming/remember.ts'
import type { RequiredGroup } from '../../core/bus/bus.ts'
import type { BusConfig } from '../../core/bus/config.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { DETECTOR_GROUPS } from '../../detectors/app.ts'
import { STORAGE_GROUPS } from '../../storage/app.ts'
import { ROLES, type RoleName } from './role.ts'

export function groupsOf(role: RoleName, { kafka }: Pick<BusConfig, 'kafka'>): RequiredGroup[] {
  switch (role) {
    case 'collector':
      // On Kafka each collector follows what all of them learn (collector/naming/follow.ts).
      return kafka === undefined ? [{ topic: TOPIC.names, group: NAMES_GROUP }] : []
    case 'detectors':
      return [
        { topic: TOPIC.calls, group: DETECTOR_GROUPS.stage1 },
        { topic: TOPIC.windows, group: DETECTOR_GROUPS.stage2 },
      ]
    case 'storage':
      return STORAGE_GROUPS
    case 'alerts':
      return [
        { topic: TOPIC.findings, group: ALERT_GROUPS.incidents },
        { topic: TOPIC.incidents, group: ALERT_GROUPS.notify },
      ]
    case 'console':
      return []
  }
}

export function allGroups(bus: Pick<BusConfig, 'kafka'>): RequiredGroup[] {
  return ROLES.flatMap((role) => groupsOf(role, bus))
}
