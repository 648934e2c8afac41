import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { StateCopies, type StateCopy } from '../../../core/bus/kafka/state-copy.ts'

const HOUR_MS = 3_600_000
const bytes = (value: string) => Buffer.from(value)
const textsOf = (copy: StateCopy) => [...copy.state()].map(([key, value]) => [key, String(value)])

describe('the copy of a state', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-copy-'))
  let opened: StateCopies | undefined
  const open = () => {
    opened = new StateCopies(folder)
    return opened
  }
  afterEach(async () => {
    vi.useRealTimers()
    await opened?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('begins empty, and holds what was written after it is opened again, ordered by key', async () => {
    const first = open().of('c/g@in.state', 1)
    expect({ at: first.at, offsets: first.offsets, state: textsOf(first) }).toEqual({
      at: 0,
      offsets: undefined,
      state: [],
    })
    const long = 'l'.repeat(3000)
    const writes = ['b', long, 'a', 'gone'].map((key) => ({ key, value: bytes(`of ${key.slice(0, 4)}`) }))
    await first.write({ writes, offsets: { next: 5, keep: 3 }, at: 9 })
    await first.write({ writes: [{ key: 'gone', value: null }], offsets: undefined, at: 11 })
    await opened!.close()
    const again = open().of('c/g@in.state', 1)
    expect(again.at).toBe(11)
    expect(again.offsets).toEqual({ next: 5, keep: 3 })
    expect(textsOf(again)).toEqual([
      ['a', 'of a'],
      ['b', 'of b'],
      [long, 'of llll'],
    ])
  })

  it('keeps owners and partitions apart', async () => {
    const copies = open()
    const owners = [copies.of('g', 0), copies.of('g', 1), copies.of('ga', 0)]
    for (const [i, copy] of owners.entries()) {
      await copy.write({ writes: [{ key: 'a', value: bytes(`${i}`) }], offsets: undefined, at: i + 1 })
    }
    await owners[0]!.clear()
    expect(owners.map((copy) => [copy.at, textsOf(copy)])).toEqual([
      [0, []],
      [2, [['a', '1']]],
      [3, [['a', '2']]],
    ])
  })

  it('is built upon for a day, and where the topic reaches so far', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const copy = open().of('g', 0)
    const write = () => copy.write({ writes: [{ key: 'a', value: bytes('1') }], offsets: undefined, at: 10 })
    await write()
    vi.setSystemTime(Date.now() + 23 * HOUR_MS)
    await copy.requireFresh(10)
    expect(copy.at).toBe(10)
    await copy.requireFresh(9)
    expect([copy.at, textsOf(copy)]).toEqual([0, []])
    await write()
    vi.setSystemTime(Date.now() + 25 * HOUR_MS)
    await copy.requireFresh(10)
    expect([copy.at, textsOf(copy)]).toEqual([0, []])
    await write()
    vi.setSystemTime(Date.now() - HOUR_MS)
    await copy.requireFresh(10)
    expect(copy.at).toBe(0)
  })

  it('takes nothing more after a change that was not written, until it is read anew', async () => {
    const copy = open().of('g', 0)
    await copy.write({ writes: [], offsets: undefined, at: 4 })
    const broken = { key: 'a', value: {} as Uint8Array }
    await expect(copy.write({ writes: [broken], offsets: undefined, at: 5 })).rejects.toMatchObject({
      code: 'folder_unusable',
      retriable: true,
    })
    await copy.write({ writes: [], offsets: undefined, at: 6 })
    expect(copy.at).toBe(4)
    await copy.requireFresh(6)
    await copy.write({ writes: [], offsets: undefined, at: 6 })
    expect(copy.at).toBe(6)
  })

  it('takes no change from an owner before the one that it was given to last', async () => {
    const copies = open()
    const before = copies.of('g', 0)
    const now = copies.of('g', 0)
    await now.write({ writes: [{ key: 'a', value: bytes('new') }], offsets: undefined, at: 8 })
    await before.write({ writes: [{ key: 'a', value: bytes('old') }], offsets: undefined, at: 5 })
    expect([now.at, textsOf(now)]).toEqual([8, [['a', 'new']]])
  })

  it('is begun anew where its file is cut short', async () => {
    const writes = Array.from({ length: 1000 }, (_, i) => ({ key: `${i}`, value: Buffer.alloc(500) }))
    await open().of('g', 0).write({ writes, offsets: undefined, at: 7 })
    await opened!.close()
    expect(readdirSync(folder)).toContain('data.mdb')
    truncateSync(join(folder, 'data.mdb'), 20_000)
    expect(open().of('g', 0).at).toBe(0)
  })
})
