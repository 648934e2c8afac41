/** What the page reads of an incident (alerts/api/incident-answer.ts), and how its ends are called. */
import type { IncidentAnswer } from '../../../alerts/api/incident-answer.ts'
import { identityName } from './format.ts'
import { hashOf } from './router.ts'

export type Incident = IncidentAnswer

export interface Example {
  at: number
  requestId: string
  traceId: string
  sourceAddress: string
  method: string
  path: string
  status: number
  detail: string
}

/** Times in microseconds, as findings have them. Evidence of an older version may lack some. */
export interface Evidence {
  observed: number
  expected: number
  unit: string
  p: number | null
  detectable: number | null
  baselineSamples: number
  baselineSince: number
  firstSeen: number
  lastSeen: number
  verdict: string
  blind: string
  examples: Example[]
  facts: Record<string, string | number>
  sql: string
  technique: string
}

export interface WholeIncident extends Incident {
  evidence: Partial<Evidence>
  audit: { at: number; actor: string; action: string; detail: string }[]
  notifications: { at: number; receiver: string; reason: string; status: string; attempt: number; detail: string }[]
}

export function sourcesText({ sources }: Pick<Incident, 'sources'>): string {
  return listed(sources.map(identityName)) || 'an unnamed caller'
}

export function destinationsText({ destinations }: Pick<Incident, 'destinations'>): string {
  return listed(destinations) || '–'
}

/** Where it is of one pair, that pair's page. */
export function pairHash(incident: Incident): `#${string}` | undefined {
  const { sources, destinations, sourceIdentity, sourceNamespace, sourceWorkload, destinationService } = incident
  const isOne = sources.length <= 1 && destinations.length === 1 && destinationService !== ''
  if (!isOne || (sourceIdentity === '' && sourceWorkload === '')) return undefined
  return hashOf('pair', { sourceIdentity, sourceNamespace, sourceWorkload, destinationService })
}

function listed(names: readonly string[]): string {
  const given = names.filter((name) => name !== '')
  return given.length <= 3 ? given.join(', ') : `${given.slice(0, 3).join(', ')} and ${given.length - 3} more`
}
