/** What the console's views ask, by the operations that answer them. */
import type { ApiContext } from '../alerts/api/operation.ts'
import { SECOND } from '../core/clock.ts'
import { OPERATIONS } from '../dashboards/console/operations.ts'
import type { StoreReader } from '../storage/query.ts'
import { callOf } from './stored-calls.ts'

export interface Question {
  name: string
  /** Of the hours before `toMs`, epoch milliseconds. */
  ask(toMs: number, hours: number): Promise<unknown>
}

const HOUR_MS = 3_600_000
const ACTOR = { name: 'bench', role: 'reader', namespaces: [] } as const

export function consoleQuestions(store: StoreReader): Question[] {
  const { sourceIdentity, destinationService } = callOf(0, SECOND)
  const range = (toMs: number, hours: number) => ({ from: toMs - hours * HOUR_MS, until: toMs })
  const question = (path: string, queryOf: (toMs: number, hours: number) => object): Question => {
    const { query, handle } = OPERATIONS.find((one) => one.method === 'get' && one.path === path)!
    return {
      name: `console: ${path.slice(1)}`,
      ask(toMs, hours) {
        const context: ApiContext = {
          store,
          bus: { publish: async () => {} },
          health: async () => ({ ready: true, parts: {} }),
          now: () => toMs * 1000,
        }
        return handle({ actor: ACTOR, path: {}, query: query?.parse(queryOf(toMs, hours)) ?? {}, body: {} }, context)
      },
    }
  }
  return [
    question('/map', range),
    question('/pair', (toMs, hours) => ({ sourceIdentity, destinationService, ...range(toMs, hours) })),
    question('/incidents', range),
    // Of the last hour, whatever stretch is looked at.
    question('/coverage', () => ({})),
    question('/health', () => ({})),
  ]
}
