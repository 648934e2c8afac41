/** The network is cut: in a network namespace of its own, in which this file runs itself again. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { noPipeline } from '../e2e/pipeline.ts'
import { startOwnBroker } from '../kafka/broker.ts'
import { endure } from './endure.ts'
import { kill } from './kill.ts'
import { networkCut } from './network-cut.ts'

const HOUR_MS = 3_600_000
const CUTS = 5
const MINUTES = 2
const root = join(import.meta.dirname, '../..')

const inside = process.env.EASTWATCH_NETWORK_OF_ITS_OWN === 'yes'
/** Without privileges: in a namespace of users, too. */
const unshare = ['--user', '--map-root-user', '--net', '--', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']

function missing(): string | undefined {
  if (!inside && spawnSync('unshare', [...unshare, 'true']).status !== 0) return 'no network namespace can be made here'
  return noPipeline()
}

const reason = missing()
if (reason !== undefined) console.log(`the test of a network that is cut is skipped: ${reason}`)

describe.skipIf(reason !== undefined)('a network that is cut', () => {
  it(
    'loses and doubles nothing',
    async (context) => {
      if (!inside) {
        const vitest = [process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run', import.meta.filename]
        const env = { ...process.env, EASTWATCH_NETWORK_OF_ITS_OWN: 'yes' }
        const [code] = await once(
          spawn('unshare', [...unshare, ...vitest], { cwd: root, env, stdio: 'inherit' }),
          'exit',
        )
        expect(code).toBe(0)
        return
      }
      const broker = await startOwnBroker()
      if ('missing' in broker) return context.skip(broker.missing)
      try {
        const cuts = Array.from({ length: CUTS }, () => networkCut)
        await endure(broker, [...cuts, kill('collector'), kill('storage')], MINUTES)
      } finally {
        await broker.stop()
      }
    },
    HOUR_MS,
  )
})
