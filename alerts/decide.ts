/** Whether a change of an incident is worth a message, from what the receiver was told last. Pure. */
import type { IncidentRecord } from '../storage/incident-records.ts'
import { severityRank } from './incident.ts'

/** Reopened incidents are told as `first` again: the receiver believes them over. `repeat`: nothing new, it is still open. */
export type Reason = 'first' | 'changed' | 'acknowledged' | 'repeat' | 'resolved' | 'none'

/** What a receiver was last told, or is about to be told, of one incident. */
export interface Told {
  version: number
  status: IncidentRecord['status']
  severity: string
  kinds: readonly string[]
  destinations: readonly string[]
  /** How many sources it had. */
  sources: number
  acknowledgedAt: number
  /** Key of the group that it is told in, for all its life. */
  group: string
  /** Epoch microseconds by the outgoing side's clock; after `repeatAt` it is told again. 0: never. */
  repeatAt: number
}

export interface Decision {
  reason: Reason
  /** It is no worse than what was told: further news of the group may come with it. */
  patient: boolean
}

/**
 * A new kind, a higher severity and a new destination always notify, as does a new source once somebody has acknowledged those before;
 * else the first and the last of an incident, and that somebody has it.
 */
export function decide(told: Told | undefined, record: IncidentRecord): Decision {
  if (told === undefined) return patient(record.status === 'open' ? 'first' : 'none')
  if (record.version <= told.version) return patient('none')
  if (record.status !== told.status) return record.status === 'open' ? patient('first') : urgent('resolved')
  if (severityRank(record.severity) > severityRank(told.severity)) return urgent('changed')
  if (record.kinds.some((kind) => !told.kinds.includes(kind))) return urgent('changed')
  if (record.status === 'resolved') return patient('none')
  if (record.acknowledgedAt !== told.acknowledgedAt && record.acknowledgedAt > 0) return urgent('acknowledged')
  if (record.destinations.some((destination) => !told.destinations.includes(destination))) return patient('changed')
  if (record.acknowledgedAt > 0 && record.sources.length > told.sources) return patient('changed')
  return patient('none')
}

export function tell(record: IncidentRecord, group: string, repeatAt: number): Told {
  const { version, status, severity, kinds, destinations, sources, acknowledgedAt } = record
  return { version, status, severity, kinds, destinations, sources: sources.length, acknowledgedAt, group, repeatAt }
}

function patient(reason: Reason): Decision {
  return { reason, patient: true }
}

function urgent(reason: Reason): Decision {
  return { reason, patient: false }
}
