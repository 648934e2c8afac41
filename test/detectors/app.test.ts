import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Bus } from '../../core/bus/bus.ts'
import { openLocalBus } from '../../core/bus/local/local-bus.ts'
import { TOPIC, topicSpecs } from '../../core/bus/topics.ts'
import { HOUR, MINUTE } from '../../core/clock.ts'
import { createLogger } from '../../core/logger.ts'
import { runDetectors } from '../../detectors/app.ts'
import { DetectorsConfig } from '../../detectors/config.ts'
import { decodeFinding, type Finding } from '../../detectors/detector.ts'
import { detect, findingsHash, writeCalls } from './harness.ts'
import { ATTACKS, ordinary, START } from './world.ts'

const PARTITIONS = 2

/** Runs the detectors until the condition holds, then stops them. */
async function runUntil(bus: Bus, done: () => Promise<boolean>): Promise<void> {
  const stop = new AbortController()
  const logger = createLogger('silent')
  const running = runDetectors({ config: DetectorsConfig.parse({}), bus, logger }, stop.signal)
  while (!(await done())) await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 20))])
  stop.abort()
  await running
}

async function isRead(bus: Bus): Promise<boolean> {
  const groups = (await bus.lag()).filter(({ group }) => group.startsWith('detectors'))
  return groups.length === 2 * PARTITIONS && groups.every(({ committed, end }) => committed >= end)
}

async function findingsOn(bus: Bus): Promise<Finding[]> {
  const found: Finding[] = []
  const stop = new AbortController()
  const reading = bus.process({
    topic: TOPIC.findings,
    group: 'test',
    signal: stop.signal,
    start: ({ committed }) => ({
      from: committed,
      step: ({ records }) => {
        found.push(...records.flatMap(({ value }) => decodeFinding(value) ?? []))
        return { next: records.at(-1)!.offset + 1 }
      },
    }),
  })
  const lag = async () => (await bus.lag()).filter(({ group }) => group === 'test')
  while (
    (await lag()).length < bus.partitions(TOPIC.findings) ||
    (await lag()).some(({ committed, end }) => committed < end)
  ) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  stop.abort()
  await reading
  return found
}

describe('the detectors on the embedded bus', () => {
  test('stopped in the middle and started again, publish what an undisturbed run does', {
    timeout: 120_000,
  }, async () => {
    const at = START + 10 * HOUR
    const calls = [
      ...ordinary({ from: at, durationUs: HOUR, seed: 41 }),
      ...ATTACKS.denialBurst(at + 40 * MINUTE),
      ...ATTACKS.impostor(at + 45 * MINUTE),
      ...ATTACKS.scan(at + 50 * MINUTE),
    ]
    const log = writeCalls(calls, { partitions: PARTITIONS, blockSeconds: 5 })
    const folder = mkdtempSync(join(tmpdir(), 'eastwatch-detectors-'))
    const config = { maxBytes: 2 ** 28, durability: 'process' } as const
    try {
      const bus = await openLocalBus({ folder, topics: topicSpecs(PARTITIONS), config })
      const publish = (from: number, until: number) =>
        bus.publish(
          log.flatMap((own, partition) =>
            own.slice(from, until).map((value) => ({ topic: TOPIC.calls, partition, value })),
          ),
        )
      const middle = Math.floor(log[0]!.length / 2)
      await publish(0, middle)
      await runUntil(bus, () => isRead(bus))
      await publish(middle, Number.POSITIVE_INFINITY)
      await runUntil(bus, () => isRead(bus))
      const findings = await findingsOn(bus)
      await bus.close()
      expect(findings.length).toBeGreaterThan(5)
      expect(findingsHash(findings)).toBe((await detect(log)).hash)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
