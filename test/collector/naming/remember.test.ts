import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { KEPT_MINUTES, MAX_LEARNED_ADDRESSES } from '../../../collector/naming/directory.ts'
import { encodeNames, type LearnedName, namePublications } from '../../../collector/naming/learned-name.ts'
import { NAMES_GROUP, rememberNames } from '../../../collector/naming/remember.ts'
import { LocalBusConfig } from '../../../core/bus/local/config.ts'
import { type LocalBus, openLocalBus } from '../../../core/bus/local/local-bus.ts'
import { TOPIC, topicSpecs } from '../../../core/bus/topics.ts'

const PARTITIONS = 3
const MINUTE = 29_921_600

const cleanUps: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const step of cleanUps.splice(0).reverse()) await step()
})

function name(address: string, seen = MINUTE, identity = 'cluster.local/ns/shop/sa/web'): LearnedName {
  return { address, identity, seen, disputed: 0 }
}

const some = (count: number, seen = MINUTE) =>
  Array.from({ length: count }, (_, i) => name(`10.0.${i >> 8}.${i & 255}`, seen))

/** Names by address, as text that can be compared. */
const texts = (names: readonly LearnedName[]) => names.map((one) => JSON.stringify(Object.values(one))).sort()

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-names-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function openBus(folder: string): Promise<LocalBus> {
  const bus = await openLocalBus({
    folder,
    topics: topicSpecs(PARTITIONS),
    config: LocalBusConfig.parse({}),
    requiredGroups: [{ topic: TOPIC.names, group: NAMES_GROUP }],
  })
  cleanUps.push(() => bus.close())
  return bus
}

const publish = (bus: LocalBus, names: readonly LearnedName[]) => bus.publish(namePublications(names, PARTITIONS))

/** One life of the reader: what it knew at its start, and, where it is to live on, until all it was given is committed. */
async function life(bus: LocalBus, during: () => Promise<void> = async () => {}, warnings: unknown[] = []) {
  const logger = pino({ level: 'warn' }, { write: (line) => void warnings.push(JSON.parse(line)) })
  const stop = new AbortController()
  const { before, running } = rememberNames({ bus, logger }, stop.signal)
  const known = await before
  await during()
  await expect.poll(async () => behind(bus)).toBe(0)
  stop.abort()
  await running
  return known
}

async function behind(bus: LocalBus): Promise<number> {
  const own = (await bus.lag()).filter(({ topic }) => topic === TOPIC.names)
  return own.reduce((sum, { committed, end }) => sum + end - committed, 0)
}

describe('learned names', () => {
  it('are known at the next start: what was read into state, and what was only in the log', async () => {
    const folder = newFolder()
    const first = await openBus(folder)
    expect(await life(first, () => publish(first, some(2000)))).toEqual([])
    const later = [
      name('10.0.0.1', MINUTE + 1),
      name('10.0.0.2', MINUTE, 'cluster.local/ns/shop/sa/job'),
      name('10.9.9.9'),
    ]
    await publish(first, later)
    await first.close()

    const second = await openBus(folder)
    const expected = new Map(some(2000).map((one) => [one.address, one]))
    expected.set('10.0.0.1', later[0]!)
    expected.set('10.0.0.2', { ...later[1]!, disputed: MINUTE })
    expected.set('10.9.9.9', later[2]!)
    expect(texts(await life(second))).toEqual(texts([...expected.values()]))
  })

  it('leave state when they are an hour older than the newest of their partition', async () => {
    const bus = await openBus(newFolder())
    await life(bus, async () => {
      await publish(bus, some(300))
      await publish(bus, some(30, MINUTE + KEPT_MINUTES + 1))
    })
    expect(texts(await life(bus))).toEqual(texts(some(30, MINUTE + KEPT_MINUTES + 1)))
  })

  it('are given on oldest first within a partition, so that a full directory forgets the right ones', async () => {
    const bus = await openBus(newFolder())
    const ages = [5, 1, 4, 2, 3].map((age, i) => name(`10.0.0.${i}`, MINUTE - age))
    await life(bus, () => bus.publish([{ topic: TOPIC.names, partition: 0, value: encodeNames(ages) }]))
    const seen = (await life(bus)).map((one) => MINUTE - one.seen)
    expect(seen).toEqual([5, 4, 3, 2, 1])
  })

  it('are bounded in state as a directory is', async () => {
    const bus = await openBus(newFolder())
    const many = Array.from({ length: 1.3 * (MAX_LEARNED_ADDRESSES / PARTITIONS) }, (_, i) => name(`a${i}`))
    const records = namePublications(many, 1)
    await life(bus, () => bus.publish(records))
    expect(await life(bus)).toHaveLength(Math.ceil((1.25 * MAX_LEARNED_ADDRESSES) / PARTITIONS))
  }, 30_000)

  it('that cannot be read are left out with a warning, and the rest is known', async () => {
    const bus = await openBus(newFolder())
    const values = [
      Buffer.from('EWN2[]'),
      Buffer.from('EWN1[["10.0.0.1",'),
      Buffer.from('EWN1[["10.0.0.1","x",-1,0]]'),
      Buffer.from('EWN1[["","x",1,0]]'),
      Buffer.from(`EWN1${JSON.stringify(Array.from({ length: 513 }, () => ['a', 'b', 1, 0]))}`),
      encodeNames([name('10.0.0.7')]),
    ]
    const warnings: unknown[] = []
    await life(bus, () => bus.publish(values.map((value) => ({ topic: TOPIC.names, partition: 0, value }))), warnings)
    expect(warnings).toHaveLength(5)
    expect(await life(bus)).toEqual([name('10.0.0.7')])
  })

  it('are not waited for when the program stops', async () => {
    const bus = await openBus(newFolder())
    const stop = new AbortController()
    stop.abort(new Error('stopping'))
    const { before, running } = rememberNames({ bus, logger: pino({ level: 'silent' }) }, stop.signal)
    await running
    await expect(before).rejects.toThrow('stopping')
  })

  it('are cut into records of at most 512, an address always in the same partition', () => {
    const publications = namePublications([...some(4000), ...some(4000, MINUTE + 1)], PARTITIONS)
    const counts = publications.map(({ value }) => JSON.parse(Buffer.from(value).toString('utf8', 4)).length)
    expect(Math.max(...counts)).toBe(512)
    expect(counts.reduce((a, b) => a + b, 0)).toBe(8000)
    const homes = new Map<string, Set<number>>()
    for (const { partition, value } of publications) {
      for (const [address] of JSON.parse(Buffer.from(value).toString('utf8', 4))) {
        homes.set(address, (homes.get(address) ?? new Set()).add(partition))
      }
    }
    expect([...homes.values()].every((home) => home.size === 1)).toBe(true)
  })
})
