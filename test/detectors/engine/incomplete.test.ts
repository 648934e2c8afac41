import { describe, expect, test } from 'vitest'
import { encodeBlock } from '../../../core/block.ts'
import type { Call } from '../../../core/call.ts'
import { SECOND } from '../../../core/clock.ts'
import { encodeTick } from '../../../core/tick.ts'
import { detect, type Run, type RunOptions } from '../harness.ts'
import { exchange, START, seeded } from '../world.ts'

interface Tell {
  producer?: string
  /** Seconds from START. */
  at: number
  /** Its number; the one after the last by default. */
  skip?: number
  leave?: boolean
}

/** A log by hand: ticks and blocks in the order given. */
class Log {
  readonly values: Uint8Array[] = []
  readonly #seq = new Map<string, number>()

  tick({ producer = 'a', at, skip = 0, leave = false }: Tell): this {
    const seq = (this.#seq.get(producer) ?? 0) + 1 + skip
    this.#seq.set(producer, seq)
    this.values.push(encodeTick({ producer, seq, time: START + at * SECOND, leave }))
    return this
  }

  ticks(from: number, to: number, producers = ['a']): this {
    for (let at = from; at <= to; at += 1) for (const producer of producers) this.tick({ producer, at })
    return this
  }

  calls(...ends: number[]): this {
    const calls: Call[] = ends.flatMap((end) => exchange('a', 'b', START + end * SECOND, seeded(end)))
    const id = Buffer.alloc(16, this.values.length + 1)
    this.values.push(encodeBlock([{ id, calls }]))
    return this
  }
}

/** Windows of the pair by seconds from START, those that are incomplete marked by `!`. */
function told({ windows }: Run): string[] {
  return windows
    .sort((a, b) => a.start - b.start)
    .map(({ start, incomplete }) => `${(start - START) / SECOND}${incomplete ? '!' : ''}`)
}

const every = (from: number, to: number) => Array.from({ length: (to - from) / 10 }, (_, i) => from + i * 10 + 5)

/** The same however the log is cut and wherever the stage starts anew. */
async function run(log: Log): Promise<Run> {
  const plain = await detect([log.values])
  for (const seed of [1, 2, 3]) {
    const random = seeded(seed)
    const options: RunOptions = { batch: () => 1 + Math.floor(random() * 20), crash: () => random() < 0.2 }
    const other = await detect([log.values], options)
    expect(told(other)).toEqual(told(plain))
    expect(other.hash).toBe(plain.hash)
  }
  return plain
}

function gaps({ findings }: Run): string[] {
  return findings.filter(({ kind }) => kind === 'collector_gap').map(({ summary }) => summary)
}

describe('a window is incomplete', () => {
  test('where the collector was down for longer than senders wait', async () => {
    const log = new Log().calls(...every(0, 60)).ticks(0, 60)
    log
      .calls(...every(60, 160))
      .tick({ at: 125, skip: 5000 })
      .ticks(126, 200)
    const result = await run(log)
    // What was under way ten seconds before the last tick may be lost with it.
    expect(told(result).filter((window) => window.endsWith('!'))).toEqual([
      '50!',
      '60!',
      '70!',
      '80!',
      '90!',
      '100!',
      '110!',
      '120!',
    ])
    expect(gaps(result)).toEqual([
      'Collector a was down or could not write from 2026-01-05T00:00:50.000Z to 2026-01-05T00:02:05.000Z; ' +
        'what nobody sent again is missing, and windows of that time teach nothing',
    ])
  })

  test('where one of several collectors fell silent, until the others go on without it', async () => {
    const log = new Log()
      .calls(...every(0, 120))
      .ticks(0, 60, ['a', 'b'])
      .ticks(61, 140, ['a'])
    const result = await run(log)
    // Thirty ticks of the other after its last.
    expect(told(result)).toEqual(['0', '10', '20', '30', '40', '50!', '60!', '70!', '80!', '90', '100', '110'])
    expect(result.findings.map(({ kind }) => kind)).toContain('collector_silent')
  })

  test("where many of the pair's calls are late", async () => {
    const log = new Log().calls(...every(0, 60)).ticks(0, 79)
    log.calls(21, 22, 23, 24, 65).ticks(80, 89).calls(75).ticks(90, 120)
    expect(told(await run(log))).toEqual(['0', '10', '20', '30', '40', '50', '60!', '70'])
  })
})

describe('a window is complete', () => {
  test('where a restart is short, or time goes in great steps without one', async () => {
    const log = new Log()
      .calls(...every(0, 200))
      .ticks(0, 60)
      .tick({ at: 85, skip: 3000 })
    log.tick({ at: 300 }).tick({ at: 400 })
    const result = await run(log)
    expect(told(result).filter((window) => window.endsWith('!'))).toEqual([])
    expect(gaps(result)).toEqual([])
  })

  test('where a collector leaves in order', async () => {
    const log = new Log().calls(...every(0, 120)).ticks(0, 60, ['a', 'b'])
    log.tick({ producer: 'b', at: 60, leave: true }).ticks(61, 140)
    expect(told(await run(log)).filter((window) => window.endsWith('!'))).toEqual([])
  })
})
