/**
 * The whole pipeline in a process of its own that a test may kill. Arguments: the configuration as JSON, the time in epoch
 * microseconds. Time is what the test says and nothing else. Over IPC: tells { ports } once it runs, then takes
 * { id, what, value } and answers { id, value } or { id, error }.
 */
import { EastwatchConfig } from '../../dist/cli/config.js'
import { startPipeline } from '../../dist/cli/pipeline.js'
import { SharedClock, systemClock } from '../../dist/core/clock.js'
import { createLogger } from '../../dist/core/logger.js'

const [config, startUs] = process.argv.slice(2)
const clock = new SharedClock()
clock.set(Number(startUs))
let laterUs = 0
const watchClock = { now: () => systemClock.now() + laterUs }
const stop = new AbortController()
const pipeline = await startPipeline(
  {
    config: EastwatchConfig.parse(JSON.parse(config)),
    clock,
    ticking: false,
    watchClock,
    logger: createLogger(process.env.EASTWATCH_TEST_LOG ?? 'silent'),
  },
  stop.signal,
)
pipeline.stopped.catch((error) => {
  console.error(error)
  process.exit(1)
})

const actions = {
  time: (us) => clock.set(us),
  later: (us) => {
    laterUs += us
  },
  tick: () => pipeline.tick(),
  lag: () => pipeline.lag(),
  storePid: () => pipeline.storePid(),
  stop: async () => {
    stop.abort()
    await pipeline.stopped
  },
}
process.on('message', async ({ id, what, value }) => {
  try {
    process.send({ id, value: await actions[what](value) })
  } catch (error) {
    process.send({ id, error: String(error) })
  }
  if (what === 'stop') process.disconnect()
})
// The test is gone, or has seen the answer to its `stop`.
process.on('disconnect', () => process.exit(0))
process.send({ ports: pipeline.ports })
