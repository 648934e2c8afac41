/** A server in place of the embedded engine, reached over HTTP and TLS. The server is the engine's own process. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Bus, ProcessOptions } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { SECOND } from '../../core/clock.ts'
import { encodeTick } from '../../core/tick.ts'
import { runStorage, STORAGE_GROUPS } from '../../storage/app.ts'
import { connectStore, type StoreAddress } from '../../storage/clickhouse.ts'
import { StorageConfig } from '../../storage/config.ts'
import { migrate } from '../../storage/migrate.ts'
import { runQuery } from '../../storage/query.ts'
import { reachStore } from '../../storage/remote.ts'
import { startStore } from '../../storage/start.ts'
import { blockOf } from './calls.ts'
import { type Front, networkTo, selfSigned, tlsBefore } from './server.ts'
import { noEngine, openStore, quiet, READER_PASSWORD, type TestStore } from './store.ts'

const NOW = Date.now() * 1000

/** Calls in one partition, numbered from `first`; the other topics are empty. */
function busOf(partition: number, first: number, done: () => void): Bus {
  const tick = (n: number) => encodeTick({ producer: 'test', seq: n + 1, time: NOW + n * SECOND, leave: false })
  const calls = [0, 1, 2, 3].flatMap((n) => [blockOf(first + n, first + n * 50, 50, NOW - SECOND), tick(n * 5)])
  return {
    partitions: () => 2,
    publish: async () => {},
    lag: async () => [],
    close: async () => {},
    process: async ({ topic, start, signal }: ProcessOptions) => {
      const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      const processor = await start({ topic, partition, logId: 'log', committed: 0, state: [] })
      if (topic === TOPIC.calls) {
        const records = [...calls, tick(100), tick(200)].map((value, offset) => ({ offset, value }))
        await processor.step({ topic, partition, records }, signal)
        done()
      }
      await stopped
    },
  }
}

describe.skipIf(noEngine())('a server as the store', () => {
  let server: TestStore
  let address: StoreAddress
  const fronts: Front[] = []
  const behind = <T extends Front>(front: T): T => {
    fronts.push(front)
    return front
  }
  beforeAll(async () => {
    server = await openStore()
    const { url, username, password } = server.embedded
    address = { url, username, password }
  })
  afterAll(async () => {
    for (const front of fronts) await front.stop()
    await server.stop()
  })
  beforeEach(async () => {
    const tables = await server.rows<{ name: string }>("SELECT name FROM system.tables WHERE database = 'eastwatch'")
    for (const { name } of tables) await server.store.command(`DROP TABLE eastwatch.${name} SYNC`)
  })

  const configOf = (keys: object = {}) => StorageConfig.parse({ ...address, readerPassword: READER_PASSWORD, ...keys })

  it('its schema is made by four programs at once, and by none a second time', async () => {
    const stores = Array.from({ length: 4 }, () => connectStore(address))
    const applied = await Promise.all(stores.map((store) => migrate(store)))
    expect(applied.flat()).toContain(1)
    expect(await Promise.all(stores.map((store) => migrate(store)))).toEqual([[], [], [], []])
    expect(await server.rows("SELECT count() AS n FROM system.tables WHERE database = 'eastwatch'")).toEqual([
      { n: 12 },
    ])
    await Promise.all(stores.map((store) => store.close()))
  })

  it('two storage roles store into it at once, beginning with no table', async () => {
    const config = configOf()
    const roles = [0, 1].map(async (partition) => {
      const abort = new AbortController()
      const store = await startStore({ dataFolder: '/nowhere', storage: config }, quiet)
      const client = connectStore(store)
      const bus = busOf(partition, partition * 1000, () => abort.abort())
      await runStorage({ config, bus, client, logger: quiet }, abort.signal)
      expect(store.pid).toBeUndefined()
      expect(await store.check()).toEqual({ ready: true, detail: `${address.url} answers` })
      await client.close()
      await store.stop()
    })
    await Promise.all(roles)
    const ask = (sql: string) => runQuery({ config: { dataFolder: '/nowhere', storage: config }, sql, format: 'json' })
    expect(await ask('SELECT toUInt32(count()) AS n, toUInt32(uniqExact(request_id)) AS ids FROM calls')).toBe(
      '{"n":400,"ids":400}\n',
    )
    expect(await ask('SELECT partition FROM offsets FINAL ORDER BY partition')).toBe(
      '{"partition":0}\n{"partition":1}\n',
    )
    expect(STORAGE_GROUPS.length).toBeGreaterThan(1)
  })

  it('a wrong password is told at once, names the key, and does not show the password', async () => {
    const wrong = { ...address, password: 'not-the-password' }
    const refused = await reachStore(wrong).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'config',
      retriable: false,
      message: 'the store refuses the user eastwatch_writer: storage.username or storage.password is wrong (code 516)',
    })
    const reading = runQuery({
      config: { dataFolder: '/nowhere', storage: configOf({ readerPassword: 'no' }) },
      sql: 'SELECT 1',
      format: 'json',
    })
    await expect(reading).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('storage.readerPassword is not its password'),
    })
  })

  it('one that is not there yet is waited for, told meanwhile, and told again when it goes', async () => {
    const network = behind(await networkTo(address.url))
    const config = configOf({ url: network.url })
    const store = await startStore({ dataFolder: '/nowhere', storage: config }, quiet)
    expect(await store.check()).toMatchObject({ ready: false, detail: expect.stringContaining('ECONNREFUSED') })

    const told: string[] = []
    const logger = Object.assign(Object.create(quiet), {
      warn: ({ error }: { error?: string }) => told.push(error ?? ''),
    })
    const abort = new AbortController()
    const client = connectStore(store)
    const running = runStorage({ config, bus: busOf(0, 0, () => abort.abort()), client, logger }, abort.signal)
    await expect.poll(() => told.length, { timeout: 10_000 }).toBeGreaterThan(1)
    expect(told[0]).toContain('the store does not answer')
    await network.up()
    await running
    expect((await store.check()).ready).toBe(true)
    expect(await server.rows('SELECT toUInt32(count()) AS n FROM eastwatch.calls')).toEqual([{ n: 200 }])
    await network.down()
    expect((await store.check()).ready).toBe(false)
    await client.close()
    await store.stop()
  })

  it('of a newer program stops this one by name', async () => {
    await migrate(server.store)
    await server.store.command("INSERT INTO eastwatch.migrations (number, title) VALUES (999, 'future')")
    const client = connectStore(address)
    const running = runStorage(
      { config: configOf(), bus: busOf(0, 0, () => {}), client, logger: quiet },
      new AbortController().signal,
    )
    await expect(running).rejects.toMatchObject({ code: 'schema_ahead', message: expect.stringContaining('999') })
    await client.close()
  })

  describe('over TLS', () => {
    const own = selfSigned()

    it('stores and answers where its authority is named, beginning with no database', async () => {
      await server.store.command('DROP DATABASE eastwatch SYNC')
      const front = behind(await tlsBefore(address.url, own))
      const config = configOf({ url: front.url, tls: { ca: own.certificate } })
      const store = await startStore({ dataFolder: '/nowhere', storage: config }, quiet)
      const client = connectStore(store)
      const abort = new AbortController()
      await runStorage({ config, bus: busOf(0, 0, () => abort.abort()), client, logger: quiet }, abort.signal)
      const sql = 'SELECT toUInt32(count()) AS n FROM calls'
      const answer = runQuery({ config: { dataFolder: '/nowhere', storage: config }, sql, format: 'json' })
      expect(await answer).toBe('{"n":200}\n')
      await client.close()
      await store.stop()
    })

    it('a certificate that is not trusted, or for another host, is told at once and names the key', async () => {
      const other = selfSigned('DNS:elsewhere.example')
      const cases = [
        { front: behind(await tlsBefore(address.url, own)), ca: other.certificate },
        { front: behind(await tlsBefore(address.url, other)), ca: other.certificate },
      ]
      for (const { front, ca } of cases) {
        await expect(reachStore({ ...address, url: front.url, tls: { ca } })).rejects.toMatchObject({
          code: 'config',
          message: expect.stringMatching(/certificate of the store is not trusted: storage\.tls\.ca must hold/),
        })
      }
    })

    it('one that asks for a certificate gets ours beside the password, and says so where it misses one', async () => {
      const mine = selfSigned()
      const front = behind(await tlsBefore(address.url, own, mine.certificate))
      const tls = { ca: own.certificate, ...mine }
      const store = await reachStore({ ...address, url: front.url, tls })
      expect((await store.check()).ready).toBe(true)
      await store.stop()
      await expect(reachStore({ ...address, url: front.url, tls: { ca: own.certificate } })).rejects.toMatchObject({
        code: 'config',
        message: expect.stringContaining('storage.tls.certificate'),
      })
    })

    it('https to a port without TLS is told as such', async () => {
      await expect(reachStore({ ...address, url: address.url.replace('http', 'https') })).rejects.toMatchObject({
        code: 'config',
        message: expect.stringContaining('does not speak TLS at this port'),
      })
    })
  })
})
