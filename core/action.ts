/**
 * What a person does about incidents, as a record of `eastwatch.findings`: it stands in one order with the findings, so the same log gives
 * the same incidents. Whoever publishes one has checked that the actor may (the API, alerts/api); who handles it checks that it still makes sense.
 */
import { jsonRecord } from './bus/json-record.ts'

export const ROLES = ['reader', 'operator', 'admin'] as const
export type OperatorRole = (typeof ROLES)[number]

/** Who acts. Names are of the configuration's tokens. */
export interface Actor {
  name: string
  role: OperatorRole
  /** Only within these; empty where not limited. */
  namespaces: readonly string[]
}

interface Acted {
  /** 32 hex digits: its name in the audit, and the silence's that it makes. */
  id: string
  /** Epoch microseconds by the clock of whoever took it. */
  at: number
  actor: Actor
  /** The actor's own words, why. */
  reason: string
}

export type IncidentAction = Acted & { type: 'acknowledge' | 'resolve'; incidentId: string; fingerprint: string }
/** What was seen so far is normal until then: further findings like it are recorded and open nothing. */
export type AcceptAction = Acted & { type: 'accept'; incidentId: string; fingerprint: string; until: number }
export type SilenceAction = Acted & {
  type: 'silence'
  matchers: readonly string[]
  startsAt: number
  endsAt: number
}
export type EndSilenceAction = Acted & { type: 'end_silence'; silenceId: string }

export type Action = IncidentAction | AcceptAction | SilenceAction | EndSilenceAction

const record = jsonRecord<Action>('EWO1')
export const encodeAction = record.encode
export const decodeAction = record.decode
