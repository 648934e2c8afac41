/** What only the local log has: a cap, trimming, a folder and a disk. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { MAX_RECORD_BYTES } from '../../../core/bus/bus.ts'
import { LocalBusConfig } from '../../../core/bus/local/config.ts'
import { groupKey, recordKey } from '../../../core/bus/local/keys.ts'
import { type LocalBus, type LocalBusOptions, openLocalBus } from '../../../core/bus/local/local-bus.ts'
import { bytes, contents, gate, nextOf, plain, take } from './drive.ts'

const MB = 1024 * 1024
const base = mkdtempSync(join(tmpdir(), 'eastwatch-bus-'))
const buses: LocalBus[] = []
let made = 0

async function openBus(options: Partial<Omit<LocalBusOptions, 'config'>> & Partial<LocalBusOptions['config']> = {}) {
  made += 1
  const { maxBytes = 16 * MB, durability = 'process', ...rest } = options
  const folder = join(base, `${made}`)
  const topics = [{ name: 'in', partitions: 1 }]
  const bus = await openLocalBus({ folder, topics, config: { maxBytes, durability }, ...rest })
  buses.push(bus)
  return bus
}

afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close()
})

afterAll(() => {
  if (disk !== undefined) execFileSync('umount', ['-l', disk])
  rmSync(base, { recursive: true })
})

const record = (size: number) => ({ topic: 'in', partition: 0, value: Buffer.alloc(size, 1) })
const megabyte = record(MB - 4096)

/** Publishes until the log refuses; gives back how many it took. */
async function fill(bus: LocalBus, limit = 100) {
  for (let count = 0; count < limit; count += 1) {
    try {
      await bus.publish([megabyte])
    } catch (error) {
      return { count, error: error as Error & { code: string; retriable: boolean; retryAfterMs: number } }
    }
  }
  throw new Error('never full')
}

const trimmed = (bus: LocalBus, below: number) =>
  vi.waitFor(() => expect(bus.bytesUsed().get('in')).toBeLessThan(below), { timeout: 10_000, interval: 20 })

describe('cap of the local log', () => {
  it('refuses records past it, names it, and takes them again when there is room', async () => {
    const bus = await openBus()
    const { count, error } = await fill(bus)
    expect(count).toBe(15)
    expect(error).toMatchObject({ code: 'bus_full', retriable: true, retryAfterMs: 1000 })
    expect(error.message).toContain(`bus.maxBytes ${16 * MB}`)
    await take(bus, 'in', 'g', 3)
    await trimmed(bus, 14 * MB)
    await bus.publish([megabyte])
  })

  it('refuses on until a tenth of it is free', async () => {
    const bus = await openBus()
    await fill(bus)
    await take(bus, 'in', 'g', 1)
    await trimmed(bus, 15 * MB)
    await expect(bus.publish([megabyte])).rejects.toMatchObject({ code: 'bus_full' })
    await take(bus, 'in', 'g', 1)
    await trimmed(bus, 14 * MB)
    await bus.publish([megabyte])
  })

  it('refuses records while a required group is more than 80 % of it behind, and names the group', async () => {
    const bus = await openBus({ requiredGroups: [{ topic: 'in', group: 'storage' }] })
    const { count, error } = await fill(bus)
    expect(count).toBe(13)
    expect(error.message).toContain('group storage of in')
    await take(bus, 'in', 'storage', 1)
    await expect(bus.publish([megabyte])).rejects.toMatchObject({ code: 'bus_full' })
    await take(bus, 'in', 'storage', 2)
    await bus.publish([megabyte])
  })

  it('counts what waits for its transaction', async () => {
    const bus = await openBus()
    const results = await Promise.allSettled(Array.from({ length: 40 }, () => bus.publish([megabyte])))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(15)
  })

  it('lets a step publish past it: only steps make room', async () => {
    const bus = await openBus()
    await fill(bus)
    const stop = new AbortController()
    await bus.process({
      topic: 'in',
      group: 'g',
      signal: stop.signal,
      start: (assignment) =>
        plain(assignment, (batch) => {
          stop.abort()
          return { next: nextOf(batch), publish: [megabyte, megabyte] }
        }),
    })
    expect(bus.bytesUsed().get('in')).toBeGreaterThan(16 * MB)
  })

  it('is about what the file takes, for small records and large ones in turn', async () => {
    const bus = await openBus({ folder: join(base, 'size') })
    for (let i = 0; i < 1000; i += 1)
      await bus.publish([record(300), record(20), ...(i % 10 === 0 ? [record(70_000)] : [])])
    const share = statSync(join(base, 'size', 'data.mdb')).size / bus.bytesUsed().get('in')!
    expect(share).toBeGreaterThan(0.6)
    expect(share).toBeLessThan(1.2)
  })

  it('holds the file in bounds while records come and go', async () => {
    const bus = await openBus({ folder: join(base, 'churn') })
    const stop = new AbortController()
    const run = bus.process({
      topic: 'in',
      group: 'g',
      signal: stop.signal,
      start: (assignment) => plain(assignment, (batch) => ({ next: nextOf(batch) })),
    })
    for (let sent = 0; sent < 120; ) {
      const size = [40_000, 250_000, 900_000][sent % 3]!
      const done = await bus.publish([record(size), record(100)]).then(
        () => true,
        () => false,
      )
      if (done) sent += 1
      else await new Promise((resolve) => setTimeout(resolve, 20))
    }
    stop.abort()
    await run
    expect(statSync(join(base, 'churn', 'data.mdb')).size).toBeLessThan(24 * MB)
  })

  it('has one record at most this long', async () => {
    const bus = await openBus({ maxBytes: 100 * MB })
    await expect(bus.publish([record(MAX_RECORD_BYTES + 1)])).rejects.toMatchObject({
      code: 'too_large',
      retriable: false,
    })
    await bus.publish([record(MAX_RECORD_BYTES)])
  })
})

describe('trimming of the local log', () => {
  it('keeps what the slowest group has not done, and what it wants kept', async () => {
    const bus = await openBus()
    await bus.publish(Array.from({ length: 10 }, (_, i) => ({ topic: 'in', partition: 0, value: bytes(`${i}`) })))
    await take(bus, 'in', 'fast', 10)
    const stop = new AbortController()
    const before = bus.bytesUsed().get('in')!
    await bus.process({
      topic: 'in',
      group: 'slow',
      signal: stop.signal,
      start: (assignment) =>
        plain(assignment, () => {
          stop.abort()
          return { next: 7, keep: 4 }
        }),
    })
    await trimmed(bus, before)
    expect(await contents(bus, 'in', 6)).toEqual([['4', '5', '6', '7', '8', '9']])
  })

  it('keeps all for a required group that has not come yet', async () => {
    const bus = await openBus({ requiredGroups: [{ topic: 'in', group: 'later' }] })
    await bus.publish([record(10), record(20)])
    await take(bus, 'in', 'g', 2)
    const used = bus.bytesUsed().get('in')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(bus.bytesUsed().get('in')).toBe(used)
  })

  it('keeps all for a group that reads and has committed nothing', async () => {
    const folder = join(base, 'uncommitted')
    const bus = await openBus({ folder })
    await bus.publish([record(10)])
    const seen = gate()
    const run = bus.process({
      topic: 'in',
      group: 'memory',
      signal: AbortSignal.timeout(60_000),
      start: (assignment) => plain(assignment, () => void seen.open()),
    })
    await seen.opened
    await take(bus, 'in', 'fast', 1)
    await bus.close()
    await run
    const again = await openBus({ folder })
    expect((await again.lag()).map(({ group, committed }) => [group, committed])).toEqual([
      ['fast', 1],
      ['memory', 0],
    ])
    expect((await take(again, 'in', 'memory', 1)).get(0)).toHaveLength(1)
  })

  it('stops a group whose offset is no longer in the log', async () => {
    const folder = join(base, 'lost')
    const bus = await openBus({ folder })
    await bus.publish([record(1), record(1), record(1)])
    await take(bus, 'in', 'g', 3)
    await bus.publish([record(1)])
    await trimmed(bus, 100)
    await bus.close()
    const env = open({ path: folder, noSubdir: false, maxDbs: 8 })
    const offsets = Buffer.alloc(16)
    offsets.writeDoubleLE(1, 0)
    offsets.writeDoubleLE(1, 8)
    await env.openDB('groups', { encoding: 'binary', keyEncoding: 'binary' }).put(groupKey(0, 0, 'g'), offsets)
    await env.close()
    const again = await openBus({ folder })
    const run = again.process({
      topic: 'in',
      group: 'g',
      signal: AbortSignal.timeout(60_000),
      start: (a) => plain(a, () => undefined),
    })
    await expect(run).rejects.toMatchObject({
      code: 'offset_lost',
      message: 'group g needs in/0 from offset 1, but the log starts at 3',
    })
  })
})

describe('folder of the local log', () => {
  it('cannot be opened with another number of partitions', async () => {
    const folder = join(base, 'partitions')
    await (await openBus({ folder, topics: [{ name: 'in', partitions: 4 }] })).close()
    await expect(openBus({ folder, topics: [{ name: 'in', partitions: 12 }] })).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/topic in .* made with 4 partitions, not 12/),
    })
    await openBus({
      folder,
      topics: [
        { name: 'in', partitions: 4 },
        { name: 'new', partitions: 2 },
      ],
    })
  })

  it('is one process at a time', async () => {
    const folder = join(base, 'twice')
    await openBus({ folder })
    await expect(openBus({ folder })).rejects.toMatchObject({
      code: 'folder_unusable',
      message: expect.stringContaining(`process ${process.pid}`),
    })
  })

  it('that cannot be made is named', async () => {
    writeFileSync(join(base, 'file'), '')
    const folder = join(base, 'file', 'bus')
    await expect(openBus({ folder })).rejects.toMatchObject({
      code: 'folder_unusable',
      message: expect.stringContaining(folder),
    })
  })

  it('with a file that is no log is named', async () => {
    const folder = join(base, 'foreign')
    await (await openBus({ folder })).close()
    truncateSync(join(folder, 'data.mdb'), 8192)
    await expect(openBus({ folder })).rejects.toMatchObject({ message: expect.stringContaining('cut short') })
    writeFileSync(join(folder, 'data.mdb'), Buffer.alloc(10_000, 7))
    await expect(openBus({ folder })).rejects.toMatchObject({
      code: 'folder_unusable',
      message: expect.stringContaining(folder),
    })
    expect(existsSync(join(folder, 'owner.json'))).toBe(false)
  })

  it('does not mind a group that works twice: the second is refused', async () => {
    const bus = await openBus()
    const run = (signal: AbortSignal) =>
      bus.process({ topic: 'in', group: 'g', signal, start: (a) => plain(a, () => undefined) })
    const stop = new AbortController()
    const first = run(stop.signal)
    await expect(run(stop.signal)).rejects.toThrow('already')
    stop.abort()
    await first
    await run(AbortSignal.abort())
  })

  it('waits on many partitions without warning, without work, and stops at once', async () => {
    const warnings: Error[] = []
    const collect = (warning: Error) => warnings.push(warning)
    process.on('warning', collect)
    const bus = await openBus({ topics: [{ name: 'in', partitions: 40 }] })
    const stop = new AbortController()
    const started = gate()
    let count = 0
    const run = bus.process({
      topic: 'in',
      group: 'g',
      signal: stop.signal,
      start: (assignment) => {
        count += 1
        if (count === 40) started.open()
        return plain(assignment, () => undefined)
      },
    })
    await started.opened
    const before = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, 500))
    const { user, system } = process.cpuUsage(before)
    expect(user + system).toBeLessThan(250_000)
    stop.abort()
    await run
    process.off('warning', collect)
    expect(warnings).toEqual([])
  })

  it('when closed takes nothing more, and says so', async () => {
    const bus = await openBus()
    const run = bus.process({
      topic: 'in',
      group: 'g',
      signal: AbortSignal.timeout(60_000),
      start: (a) => plain(a, () => undefined),
    })
    await bus.close()
    await run
    await expect(bus.publish([record(1)])).rejects.toMatchObject({ code: 'bus_unavailable', retriable: true })
  })

  it('works with durability power', async () => {
    const folder = join(base, 'power')
    const bus = await openBus({ folder, durability: 'power' })
    await Promise.all(Array.from({ length: 20 }, () => bus.publish([record(100)])))
    await bus.close()
    expect((await contents(await openBus({ folder, durability: 'power' }), 'in', 20))[0]).toHaveLength(20)
  })
})

const disk = smallDisk(join(base, 'disk'))

describe('a full disk', () => {
  it.skipIf(disk === undefined)(
    'is retriable, loses nothing acknowledged, and is over when there is room',
    async () => {
      const ballast = join(disk!, 'ballast')
      writeFileSync(ballast, Buffer.alloc(8 * MB))
      const bus = await openBus({ folder: join(disk!, 'bus'), maxBytes: 64 * MB })
      const { count, error } = await fill(bus)
      expect(error).toMatchObject({ code: 'bus_unavailable', retriable: true })
      expect(count).toBeGreaterThan(2)
      const stop = new AbortController()
      let outputs = 0
      const run = bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        start: (assignment) =>
          plain(assignment, (batch) => {
            outputs += batch.records.length
            if (outputs === count) stop.abort()
            return { next: nextOf(batch), publish: [], state: [{ key: 'big', value: Buffer.alloc(900_000) }] }
          }),
      })
      await new Promise((resolve) => setTimeout(resolve, 100))
      rmSync(ballast)
      await run
      expect(outputs).toBe(count)
      await bus.publish([megabyte])
      await bus.close()
      const again = await openBus({ folder: join(disk!, 'bus') })
      expect((await again.lag())[0]).toMatchObject({ group: 'g', committed: count })
    },
  )
})

/** A disk of 16 MiB, or undefined with the reason printed where none can be mounted. */
function smallDisk(folder: string): string | undefined {
  try {
    execFileSync('mkdir', ['-p', folder])
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder], { stdio: 'pipe' })
    return folder
  } catch (error) {
    console.log(`skipped: a full disk (no file system can be mounted here: ${(error as Error).message.trim()})`)
    return undefined
  }
}

describe('configuration of the local log', () => {
  it('has the stated defaults, and refuses what is no size', () => {
    expect(LocalBusConfig.parse({})).toEqual({ maxBytes: 8 * 1024 ** 3, durability: 'process', partitions: 1 })
    for (const wrong of [
      { maxBytes: 1 },
      { partitions: 0 },
      { partitions: 1.5 },
      { durability: 'none' },
      { folder: 'x' },
    ]) {
      expect(LocalBusConfig.safeParse(wrong).success).toBe(false)
    }
  })

  it('keys keep the order of the log past 32 bits', () => {
    const keys = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 40].map((offset) => recordKey(1, 2, offset, 0))
    expect([...keys].sort(Buffer.compare)).toEqual(keys)
  })
})
