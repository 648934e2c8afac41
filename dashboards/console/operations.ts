/** Everything the API can do. Another operation is an entry here. */
import { INCIDENT_OPERATIONS } from '../../alerts/api/incidents.ts'
import type { Operation } from '../../alerts/api/operation.ts'
import { SILENCE_OPERATIONS } from '../../alerts/api/silences.ts'
import { COVERAGE_OPERATIONS } from './data/coverage.ts'
import { HEALTH_OPERATIONS } from './data/health.ts'
import { MAP_OPERATIONS } from './data/map.ts'
import { PAIR_OPERATIONS } from './data/pair.ts'

export const OPERATIONS: readonly Operation[] = [
  ...INCIDENT_OPERATIONS,
  ...SILENCE_OPERATIONS,
  ...MAP_OPERATIONS,
  ...PAIR_OPERATIONS,
  ...COVERAGE_OPERATIONS,
  ...HEALTH_OPERATIONS,
]
