/** The network is cut: in a network namespace of its own, in which this file runs itself again. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { noPipeline } from '../e2e/pipeline.ts'
import { type OwnBroker, startOwnBroker } from '../kafka/broker.ts'
import { endure } from './endure.ts'
import { kill } from './kill.ts'
import { networkCut } from './network-cut.ts'

const HOUR_MS = 3_600_000
const CUTS = 5
const root = join(import.meta.dirname, '../..')

const inside = process.env.EASTWATCH_NETWORK_OF_ITS_OWN === 'yes'
/** Without privileges: in a namespace of users, too. */
const unshare = ['--user', '--map-root-user', '--net', '--', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
const missing =
  spawnSync('unshare', [...unshare, 'true']).status === 0 ? undefined : 'no network namespace can be made here'
if (missing !== undefined) console.log(`the test of a network that is cut is skipped: ${missing}`)

describe.skipIf(inside || missing !== undefined)('a network that is cut', () => {
  it(
    'is one that nobody else has',
    () => {
      const vitest = [process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run', import.meta.filename]
      const env = { ...process.env, EASTWATCH_NETWORK_OF_ITS_OWN: 'yes' }
      const { status } = spawnSync('unshare', [...unshare, ...vitest], { cwd: root, env, stdio: 'inherit' })
      expect(status).toBe(0)
    },
    HOUR_MS,
  )
})

describe.runIf(inside)('a fleet whose network is cut', async () => {
  const started = inside ? await startOwnBroker() : { missing: 'it runs inside' }
  if (inside && 'missing' in started) console.log(`the test of a network that is cut is skipped: ${started.missing}`)
  const broker = started as OwnBroker

  describe.skipIf('missing' in started || noPipeline() !== undefined)('on a real Kafka', () => {
    afterAll(() => broker.stop())

    it(
      'loses and doubles nothing',
      async () => {
        const cuts = Array.from({ length: CUTS }, () => networkCut)
        await endure(broker, [...cuts, kill('collector'), kill('storage')], 2)
      },
      HOUR_MS,
    )
  })
})
