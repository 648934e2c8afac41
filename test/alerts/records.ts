/** Records of incidents, and people's actions on them, for the tests of this folder. */
import { applyFinding } from '../../alerts/incident.ts'
import type { Action, Actor } from '../../core/action.ts'
import type { IncidentRecord } from '../../storage/incident-records.ts'
import { finding, SECOND, T0 } from './findings.ts'

/** An open incident; `changes` as they are. */
export function record(changes: Partial<IncidentRecord> = {}): IncidentRecord {
  return { ...applyFinding(undefined, finding(10), 0)[0]!.record, ...changes }
}

export const OPERATOR: Actor = { name: 'ada', role: 'operator', namespaces: [] }
export const ADMIN: Actor = { name: 'root', role: 'admin', namespaces: [] }

type Own<A> = A extends Action ? Omit<A, 'id' | 'at' | 'actor' | 'reason'> & Partial<A> : never

/** `at` seconds after T0. */
export function action(at: number, own: Own<Action>): Action {
  return { id: `a${at}`, at: T0 + at * SECOND, actor: OPERATOR, reason: 'known', ...own } as Action
}
