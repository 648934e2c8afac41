/** All dashboards there are. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { health } from './health.ts'
import { identity } from './identity.ts'
import { latency } from './latency.ts'
import { overview } from './overview.ts'
import { pair } from './pair.ts'
import { policy } from './policy.ts'
import { trace } from './trace.ts'

export const DASHBOARDS: readonly Dashboard[] = [overview, pair, identity, latency, policy, health, trace]
