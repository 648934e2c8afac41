/** The long form: each of these takes minutes. Run by `npm run test:faults:long`, one alone with `-t`. */
import { afterAll, describe, it } from 'vitest'
import { noPipeline } from '../e2e/pipeline.ts'
import { type OwnBroker, startOwnBroker } from '../kafka/broker.ts'
import { endure } from './endure.ts'
import { CLOCK_JUMPS, LONG_PAUSES, MANY_DEATHS } from './registry.ts'

const started = await startOwnBroker()
if ('missing' in started) console.log(`tests of faults are skipped: ${started.missing}`)
const broker = started as OwnBroker

const HOUR_MS = 3_600_000

describe.skipIf('missing' in started || noPipeline() !== undefined)('a fleet that faults strike', () => {
  afterAll(() => broker.stop())

  it('survives many deaths', () => endure(broker, MANY_DEATHS, 15), HOUR_MS)
  it('survives long pauses', () => endure(broker, LONG_PAUSES, 3), HOUR_MS)
  it('survives clock jumps', () => endure(broker, CLOCK_JUMPS, 3), HOUR_MS)
})
