/** A stage that can never go on: the program does not pretend to watch, it ends and says why. Its heartbeat ends with it. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pack } from 'msgpackr'
import { expect, it } from 'vitest'
import { EastwatchConfig } from '../../cli/config.ts'
import { openLocalBus } from '../../core/bus/local/local-bus.ts'
import { TOPIC, topicSpecs } from '../../core/bus/topics.ts'
import { encodeTick } from '../../core/tick.ts'
import { DETECTOR_GROUPS } from '../../detectors/app.ts'
import { eastwatch, FREE_PORTS, folderWith, runningIn } from './command.ts'

const { bus: config } = EastwatchConfig.parse({})
const STAGES = [
  { topic: TOPIC.calls, group: DETECTOR_GROUPS.stage1 },
  { topic: TOPIC.windows, group: DETECTOR_GROUPS.stage2 },
]

it.each(STAGES)(
  'what $group remembers cannot be read: it ends with 1, in seconds, and leaves nothing running',
  async (stage) => {
    const folder = folderWith(FREE_PORTS)
    try {
      const data = join(folder, 'eastwatch-data')
      mkdirSync(data)
      await spoil(join(data, 'bus'), stage)
      const since = performance.now()
      const { code, err } = await eastwatch(folder, ['up'])
      expect(code).toBe(1)
      expect(performance.now() - since).toBeLessThan(20_000)
      expect(err).toContain(`eastwatch up: what the detectors remember of ${stage.topic}/0 cannot be read`)
      expect(err).not.toMatch(/^ +at /m)
      expect(runningIn(folder)).toEqual([])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)

/** Commits state that is none for the group in partition 0. */
async function spoil(folder: string, { topic, group }: (typeof STAGES)[number]): Promise<void> {
  const topics = topicSpecs(config.partitions)
  const bus = await openLocalBus({ folder, topics, config, requiredGroups: STAGES })
  await bus.publish([{ topic, partition: 0, value: encodeTick({ producer: 'x', seq: 1, time: 1, leave: false }) }])
  const done = new AbortController()
  await bus.process({
    topic,
    group,
    signal: done.signal,
    start: ({ committed }) => ({
      from: committed,
      step: ({ records }) => {
        setTimeout(() => done.abort(), 200)
        return { next: records.at(-1)!.offset + 1, state: [{ key: 'meta', value: pack('nothing that it wrote') }] }
      },
    }),
  })
  await bus.close()
}
