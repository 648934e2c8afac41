/** What each detector can see of each service: what `eastwatch doctor` tells. */
import { z } from 'zod'
import { type Operation, operation } from '../../../alerts/api/operation.ts'
import { examine } from '../../../storage/queries/examine.ts'
import { namespaceOf } from './service-names.ts'

const Judged = z.object({
  detector: z.string(),
  state: z.enum(['on', 'degraded', 'blind']),
  why: z.string(),
  mend: z.string(),
})
const CoverageAnswer = z.object({
  services: z.array(
    z.object({
      service: z.string(),
      records: z.number(),
      bySource: z.number(),
      byDestination: z.number(),
      newest: z.number().describe('Of its newest record, epoch milliseconds.'),
      detectors: z.array(Judged),
    }),
  ),
})
export type CoverageAnswer = z.output<typeof CoverageAnswer>

const coverage = operation({
  method: 'get',
  path: '/coverage',
  summary: 'What each detector can see of each service, and what mends what it cannot.',
  role: 'reader',
  query: z.object({ hours: z.coerce.number().int().min(1).max(24).default(1) }),
  answer: CoverageAnswer,
  async handle({ actor: { namespaces }, query: { hours } }, { store }) {
    const { services } = await examine(store, hours)
    return {
      services: services
        .filter(({ service }) => namespaces.length === 0 || namespaces.includes(namespaceOf(service)))
        .map(({ service, records, bySource, byDestination, newest, detectors }) => ({
          service,
          records,
          bySource,
          byDestination,
          newest: newest * 1000,
          detectors,
        })),
    }
  },
})

export const COVERAGE_OPERATIONS: readonly Operation[] = [coverage]
