import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SECOND } from '../../../core/clock.ts'
import { PipelineError } from '../../../core/errors.ts'
import { encodeTick } from '../../../core/tick.ts'
import { DetectorsConfig } from '../../../detectors/config.ts'
import { decodeFinding } from '../../../detectors/detector.ts'
import { emptyCounts } from '../../../detectors/engine/counts.ts'
import { createProcessor } from '../../../detectors/engine/machine.ts'
import { readBlock } from '../../../detectors/engine/read-block.ts'
import { Stage2 } from '../../../detectors/engine/stage2.ts'
import { decodeWindows, encodeWindows } from '../../../detectors/window.ts'
import { detect, type Run, writeCalls } from '../harness.ts'
import { ATTACKS, exchange, START, seeded } from '../world.ts'

const CALLS = [
  ...exchange('frontend', 'cart', START + 2 * SECOND, seeded(1)),
  ...exchange('frontend', 'cart', START + 3 * SECOND, seeded(2)),
  ...ATTACKS.impostor(START + 4 * SECOND).slice(0, 2),
]
const LOG = writeCalls(CALLS, { blockSeconds: 10 })[0]!
const AT = LOG.findIndex((value) => value[2] === 'B'.charCodeAt(0))
const BLOCK = LOG[AT]!

/** Damage to bytes: cut short, or some bits turned. */
const damage = (bytes: Uint8Array) =>
  fc.oneof(
    fc.nat(bytes.length - 1).map((length) => bytes.slice(0, length)),
    fc.uniqueArray(fc.nat(bytes.length * 8 - 1), { minLength: 1, maxLength: 6 }).map((bits) => {
      const turned = Uint8Array.from(bytes)
      for (const bit of bits) turned[bit >> 3]! ^= 1 << (bit & 7)
      return turned
    }),
  )

function refused(read: () => unknown): PipelineError | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(PipelineError)
    expect((error as PipelineError).code).toMatch(/^block_(corrupt|version)$/)
    return error as PipelineError
  }
}

function troubles(run: Run) {
  return run.findings.filter(({ kind }) => kind.startsWith('record_'))
}

describe('a damaged record', { timeout: 60_000 }, () => {
  test('of calls is refused with one error or read to values in range, and stage 1 goes on', async () => {
    const good = await detect([LOG])
    await fc.assert(
      fc.asyncProperty(damage(BLOCK), async (bad) => {
        const error = refused(() => readBlock(bad))
        const run = await detect([[...LOG.slice(0, AT + 1), bad, ...LOG.slice(AT + 1)]])
        if (error === undefined) {
          for (const { start, tallies } of run.windows) {
            expect(Number.isSafeInteger(start)).toBe(true)
            for (const { outcomes } of tallies) expect(outcomes.every((n) => n >= 0)).toBe(true)
          }
        } else {
          expect(run.counts.unreadable).toBe(1)
          expect(run.windows).toEqual(good.windows)
          expect(troubles(run).length).toBe(1)
          expect(troubles(run)[0]!.summary).toContain(`partition 0 of eastwatch.calls`)
          expect(troubles(run)[0]!.summary).toContain(`offset ${AT + 1}`)
        }
      }),
      { numRuns: 400 },
    )
  })

  test('of windows is always refused', () => {
    const value = encodeWindows({ partition: 0, end: START, windows: [] })
    fc.assert(
      fc.property(damage(value), (bad) => {
        const isWindows = bad.length >= 4 && Buffer.from(bad).toString('latin1', 0, 3) === 'EWW'
        if (isWindows) expect(refused(() => decodeWindows(bad))).toBeDefined()
        else expect(decodeWindows(bad)).toBeUndefined()
      }),
    )
  })

  test('of windows does not stop stage 2, which judges the rest', async () => {
    const all = (await detect([LOG])).windows
    const { end } = all[0]!
    const windows = all.filter((window) => window.end === end)
    const good = encodeWindows({ partition: 0, end, windows })
    const newer = Uint8Array.from(good)
    newer[3] = '9'.charCodeAt(0)
    const tick = encodeTick({ producer: 'stage1/0', seq: 1, time: end, leave: false })
    const counts = emptyCounts()
    const options = { partition: 0, partitions: { calls: 1, findings: 1 }, config: DetectorsConfig.parse({}), counts }
    const stage = new Stage2({ ...options, detectors: [] })
    const processor = await createProcessor(
      { topic: 'windows', partition: 0, logId: 'log', committed: 0, state: [] },
      stage,
    )
    const records = [good.slice(0, 40), newer, good, tick].map((value, offset) => ({ offset, value }))
    const step = await processor.step({ topic: 'windows', partition: 0, records }, new AbortController().signal)
    expect(counts).toMatchObject({ unreadable: 2, windows: windows.length })
    const findings = (step!.publish ?? []).flatMap(({ value }) => decodeFinding(value) ?? [])
    expect(findings.map(({ kind }) => kind).sort()).toEqual(['record_unreadable', 'record_version'])
    expect(findings.map(({ summary }) => summary).join()).toContain('windows of version "9" are not known')
  })

  test('of calls names what is wrong with it', () => {
    const change = (at: number, byte: number) => {
      const changed = Uint8Array.from(BLOCK)
      changed[at] = byte
      return refused(() => readBlock(changed))?.message
    }
    expect(change(0, 0)).toContain('no block header')
    expect(change(3, '0'.charCodeAt(0))).toContain('block version "0" is not known')
    expect(change(3, '9'.charCodeAt(0))).toContain('block version "9" is not known')
    const text = Buffer.from(BLOCK).indexOf('verified')
    expect(change(text, 'w'.charCodeAt(0))).toContain('trust "werified" is not known')
    expect(refused(() => readBlock(BLOCK))).toBeUndefined()
  })

  test('is told once in ten minutes, whatever restarts come between, and again after', async () => {
    const bad = BLOCK.slice(0, 30)
    const ticks = Array.from({ length: 40 }, (_, i) =>
      encodeTick({ producer: 'collector', seq: 1000 + i, time: START + i * 30 * SECOND, leave: false }),
    )
    const log = ticks.flatMap((tick) => [bad, tick, bad])
    const plain = await detect([log])
    // Twenty minutes of log, and what waited for the first tick.
    expect(troubles(plain).length).toBe(3)
    const random = seeded(3)
    const restarted = await detect([log], { batch: () => 1 + Math.floor(random() * 5), crash: () => random() < 0.2 })
    expect(restarted.hash).toBe(plain.hash)
  })
})
