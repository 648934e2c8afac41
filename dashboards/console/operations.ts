/** Everything the API can do. Another operation is an entry here. */
import { INCIDENT_OPERATIONS } from '../../alerts/api/incidents.ts'
import type { Operation } from '../../alerts/api/operation.ts'
import { SILENCE_OPERATIONS } from '../../alerts/api/silences.ts'

export const OPERATIONS: readonly Operation[] = [...INCIDENT_OPERATIONS, ...SILENCE_OPERATIONS]
