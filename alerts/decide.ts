/** Whether a change of an incident is worth a message, from what the receiver was told last. Pure. */
import type { IncidentRecord } from '../storage/incident-records.ts'
import { severityRank } from './incident.ts'

/** Reopened incidents are told as `first` again: the receiver believes them over. `repeat`: nothing new, it is still open. */
export type Reason = 'first' | 'changed' | 'acknowledged' | 'repeat' | 'resolved' | 'none'

/** Destinations remembered per incident and receiver; past it further ones are no news by themselves. */
const MAX_DESTINATIONS = 64

/** What a receiver was last told, or is about to be told, of one incident. */
export interface Told {
  version: number
  status: IncidentRecord['status']
  severity: string
  kinds: readonly string[]
  destinations: readonly string[]
}

/** A new kind, a higher severity and a new destination always notify; else the first and the last of an incident. */
export function decide(told: Told | undefined, record: IncidentRecord): Reason {
  if (told === undefined) return record.status === 'open' ? 'first' : 'none'
  if (record.version <= told.version) return 'none'
  if (record.status !== told.status) return record.status === 'open' ? 'first' : 'resolved'
  if (severityRank(record.severity) > severityRank(told.severity)) return 'changed'
  if (record.kinds.some((kind) => !told.kinds.includes(kind))) return 'changed'
  if (told.destinations.length < MAX_DESTINATIONS && !told.destinations.includes(record.destinationService)) {
    return 'changed'
  }
  return 'none'
}

export function tell(told: Told | undefined, record: IncidentRecord): Told {
  const { version, status, severity, kinds, destinationService } = record
  const destinations = [...new Set([...(told?.destinations ?? []), destinationService])].slice(0, MAX_DESTINATIONS)
  return { version, status, severity, kinds, destinations }
}
