/**
 * A store filled by the whole pipeline with the first half hour of the demo's attacks, which ends now. Beside them: an interception that
 * half an hour can teach, a call in plaintext, records that cannot be read, and a receiver that does not answer.
 */
import { EastwatchConfig } from '../../cli/config.ts'
import { MINUTE, SECOND } from '../../core/clock.ts'
import type { AccessLog } from '../../demo/access-log.ts'
import { openReader, type StoreReader } from '../../storage/query.ts'
import { withInterception } from '../e2e/interception.ts'
import { newWorld } from '../e2e/pipeline.ts'
import { Player } from '../e2e/player.ts'
import { storyRecords, stretches, unreadable } from '../e2e/traffic.ts'
import { ENTRY } from '../storage/store.ts'

const MINUTES = 33
const INTERCEPTED_FROM = 27
const SETTLED_WITHIN = 3 * MINUTE

export interface DemoStore {
  /** As the user that Grafana asks as. */
  reader: StoreReader
  /** The story's time, epoch milliseconds. */
  range: { from: number; to: number }
  close(): Promise<void>
}

export async function fillDemoStore(): Promise<DemoStore> {
  const nowUs = Date.now() * 1000
  const origin = Math.floor(nowUs / MINUTE) * MINUTE - (MINUTES + 1) * MINUTE - SETTLED_WITHIN
  const nobody = { name: 'nobody', type: 'webhook', url: 'http://127.0.0.1:9/', allowRanges: ['127.0.0.0/8'] }
  const world = await newWorld({ alerts: { receivers: [{ ...nobody, secret: SECRET }] } })
  const player = new Player(world, origin)
  try {
    const story = withInterception(storyRecords(MINUTES, origin), origin, INTERCEPTED_FROM)
    const records = [...story, plaintext(story), ...story.slice(0, 5).map(unreadable)]
    const told = stretches(records, { origin, minutes: MINUTES, stretchSeconds: 60, recordsPerBody: 400 })
    const end = told.at(-1)!.untilUs
    const quiet = Array.from({ length: 6 }, (_, i) => ({ untilUs: end + (i + 1) * 10 * SECOND, bodies: [] }))
    for (const stretch of [...told, ...quiet]) await player.play(stretch)
    await player.settleAndStop()
    const reader = await openReader(EastwatchConfig.parse(world.config), ENTRY)
    return {
      reader,
      range: { from: origin / 1000, to: nowUs / 1000 + 60_000 },
      close: async () => {
        await reader.close()
        world.remove()
      },
    }
  } catch (error) {
    await player.end()
    world.remove()
    throw error
  }
}

/** A call of the story as if an unmeshed client had made it. */
function plaintext(story: readonly AccessLog[]): AccessLog {
  const { pod, startUs, attributes } = story.findLast(
    (one) => one.attributes.downstream_tls_version !== '-' && one.attributes.method === 'GET',
  )!
  const without = Object.keys(attributes).filter((name) =>
    /^downstream_(peer|local_uri|tls)|^requested_server/.test(name),
  )
  const blank = Object.fromEntries(without.map((name) => [name, '-']))
  const client = { downstream_remote_address: '10.42.9.77:40000', request_id: '-', trace_id: '-' }
  return { pod, startUs, attributes: { ...attributes, ...blank, ...client } }
}

const SECRET = `whsec_${Buffer.from('nobody is told anything by tests').toString('base64')}`
