/**
 * The whole pipeline, or some of its roles, in a process of its own that a test may kill. Arguments: the configuration as JSON, the
 * time in epoch microseconds, the roles with commas in between. Time is what the test says and nothing else. Over IPC: tells
 * { ports } once it runs, then takes { id, what, value } and answers { id, value } or { id, error }, which names what is worth another try.
 */
import { EastwatchConfig } from '../../dist/cli/config.js'
import { startRoles } from '../../dist/cli/roles/start.js'
import { SharedClock, systemClock } from '../../dist/core/clock.js'
import { isRetriable } from '../../dist/core/errors.js'
import { createLogger } from '../../dist/core/logger.js'

const [config, startUs, roles] = process.argv.slice(2)
const clock = new SharedClock()
clock.set(Number(startUs))
let laterUs = 0
const watchClock = { now: () => systemClock.now() + laterUs }
const stop = new AbortController()
const running = await startRoles(
  {
    config: EastwatchConfig.parse(JSON.parse(config)),
    roles: roles.split(','),
    clock,
    ticking: false,
    watchClock,
    logger: createLogger(process.env.EASTWATCH_TEST_LOG ?? 'silent'),
  },
  stop.signal,
)
running.stopped.catch((error) => {
  console.error(error)
  process.exit(1)
})

const actions = {
  time: (us) => clock.set(us),
  // As a machine's clock is set: back as well.
  jump: (us) => void Atomics.store(new BigInt64Array(clock.memory), 0, BigInt(us)),
  later: (us) => {
    laterUs += us
  },
  tick: () => running.collector.tick(),
  lag: () => running.lag(),
  storePid: () => running.storage.pid(),
  stop: async () => {
    stop.abort()
    await running.stopped
  },
}
process.on('message', async ({ id, what, value }) => {
  try {
    process.send({ id, value: await actions[what](value) })
  } catch (error) {
    process.send({ id, error: { code: error.code, message: String(error), retriable: isRetriable(error) } })
  }
  if (what === 'stop') process.disconnect()
})
// The test is gone, or has seen the answer to its `stop`.
process.on('disconnect', () => process.exit(0))
const { collector, storage, healthPort } = running
const clickhouse = storage === undefined ? undefined : Number(new URL(storage.url).port)
process.send({ ports: { ...collector?.ports, health: healthPort, clickhouse } })
