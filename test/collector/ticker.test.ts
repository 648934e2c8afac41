import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collectorId } from '../../collector/ticker.ts'
import { SECOND } from '../../core/clock.ts'
import { MemoryBus } from './memory-bus.ts'
import { running } from './running.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'eastwatch-ticker-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('ticks of a collector', () => {
  it('go to every partition by hand, with the time of the clock that was passed in', async () => {
    const clock = { time: 1000 * SECOND, now: () => clock.time }
    const collector = await running({}, { clock })
    await collector.tick()
    clock.time += SECOND
    await collector.tick()
    for (let partition = 0; partition < 4; partition += 1) {
      expect(collector.bus.ticks(partition)).toMatchObject([
        { producer: collector.id, time: 1000 * SECOND, leave: false },
        { producer: collector.id, time: 1001 * SECOND, leave: false },
      ])
    }
    await collector.stop()
  })

  it('come by themselves, and the last says that the collector leaves', async () => {
    const collector = await running({ tickMs: 10 }, { ticking: true })
    await expect.poll(() => collector.bus.ticks(0).length).toBeGreaterThan(2)
    await collector.stop()
    const ticks = collector.bus.ticks(3)
    expect(ticks.map(({ leave }) => leave)).toEqual([...ticks.slice(1).map(() => false), true])
    for (let i = 1; i < ticks.length; i += 1) expect(ticks[i]!.seq).toBe(ticks[i - 1]!.seq + 1)
  })

  it('rise over restarts under the same id', async () => {
    const bus = new MemoryBus()
    for (let run = 0; run < 2; run += 1) {
      const collector = await running({}, { bus, dataFolder: folder })
      await collector.tick()
      await collector.stop()
    }
    const ticks = bus.ticks(0)
    expect(new Set(ticks.map(({ producer }) => producer)).size).toBe(1)
    expect(ticks.map(({ seq }) => seq)).toEqual([...ticks.map(({ seq }) => seq)].sort((a, b) => a - b))
    expect(new Set(ticks.map(({ seq }) => seq)).size).toBe(4)
  })

  it('are missed, not gathered, while the bus is full', async () => {
    const bus = new MemoryBus()
    bus.gate = () => Promise.reject(new Error('full'))
    const collector = await running({ tickMs: 5 }, { bus, ticking: true })
    await expect.poll(() => collector.counts().ticksMissed).toBeGreaterThan(2)
    bus.gate = async () => {}
    await expect.poll(() => bus.ticks(0).length).toBeGreaterThan(0)
    await collector.stop()
  })
})

describe('id of a collector', () => {
  it('is made once', () => {
    expect(collectorId(folder)).toBe(collectorId(folder))
  })

  it('names the file where it cannot be kept', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => collectorId(join(folder, 'file'))).toThrow(/collector id .*file\/collector-id cannot be kept/)
    mkdirSync(join(folder, 'collector-id'))
    expect(() => collectorId(folder)).toThrow('cannot be kept')
  })
})
