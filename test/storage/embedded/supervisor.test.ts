import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SECOND } from '../../../core/clock.ts'
import { encodeTick } from '../../../core/tick.ts'
import { findEndpoint } from '../../../storage/embedded/endpoint.ts'
import { startEmbedded } from '../../../storage/embedded/supervisor.ts'
import { SinkProcessor } from '../../../storage/sink-processor.ts'
import { callsSink } from '../../../storage/sinks/calls.ts'
import { blockOf, T0 } from '../calls.ts'
import { MemoryTopic } from '../memory-bus.ts'
import { ENTRY, LIMITS, noEngine, openMigrated, quiet, type TestStore, temporaryFolder } from '../store.ts'

const options = (folder: string, port = 0, entry = ENTRY) => ({
  entry,
  folder,
  port,
  readerPassword: 'reads',
  limits: LIMITS,
  readsAtOnce: 2,
  logger: quiet,
})

describe.skipIf(noEngine())('the supervisor of the store process', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openMigrated()
  })
  afterAll(() => store.stop())

  const kill = async () => {
    const pid = store.embedded.pid()
    if (pid === undefined) return
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => store.embedded.pid(), { timeout: 10_000, interval: 5 }).not.toBe(pid)
  }
  const back = () => expect.poll(() => store.embedded.pid(), { timeout: 20_000, interval: 5 }).toBeDefined()

  it('keeps the writer’s password and the endpoint to its user', async () => {
    const file = join(store.folder, 'writer-password')
    expect(readFileSync(file, 'utf8').trim()).toBe(store.embedded.password)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(join(store.folder, 'endpoint.json')).mode & 0o777).toBe(0o600)
    expect(await findEndpoint(store.folder)).toEqual({
      pid: store.embedded.pid(),
      port: Number(new URL(store.embedded.url).port),
    })
  })

  it('a killed child comes back on the same port with the same password and data', async () => {
    await store.store.command('CREATE TABLE eastwatch.kept (a UInt8) ENGINE = MergeTree ORDER BY a')
    await store.store.command('INSERT INTO eastwatch.kept VALUES (7)')
    const before = store.embedded.pid()
    await kill()
    await back()
    expect(store.embedded.pid()).not.toBe(before)
    expect(store.embedded.restarts()).toBe(1)
    expect(await store.rows('SELECT a FROM eastwatch.kept')).toEqual([{ a: 7 }])
  })

  it('twelve kills while calls are being stored: each row is there once', async () => {
    const topic = new MemoryTopic('eastwatch.calls')
    const deliveries = 240
    const size = 200
    for (let n = 0; n < deliveries; n += 1) {
      topic.append(blockOf(n, n * size, size, T0 + n * SECOND))
      if (n % 7 === 3) topic.append(blockOf(n - 2, (n - 2) * size, size, T0 + n * SECOND))
      topic.append(encodeTick({ producer: 'c', seq: n + 1, time: T0 + n * SECOND, leave: false }))
    }
    const end = topic.log.length
    // The last batch is cut by these.
    for (let n = deliveries; n < deliveries + 4; n += 1) {
      topic.append(encodeTick({ producer: 'c', seq: n + 1, time: T0 + n * SECOND, leave: false }))
    }

    let kills = 0
    let running = true
    const killer = (async () => {
      for (; running && kills < 12; kills += 1) {
        await back()
        // Anywhere in an insert: they take some milliseconds each.
        await new Promise((resolve) => setTimeout(resolve, 20 + ((kills * 37) % 160)))
        await kill()
      }
    })()
    const run = () =>
      topic.run(
        (assignment) => SinkProcessor.start(callsSink, store.store, assignment),
        () => 3,
      )
    // The processor itself starts anew once in a while, as after a kill of the parent.
    while (topic.committed < end) {
      try {
        await run()
      } catch (error) {
        if (!(error instanceof Error) || !/store/.test(error.message)) throw error
        await back()
      }
    }
    running = false
    await killer
    await back()
    expect(kills).toBeGreaterThanOrEqual(10)
    expect(
      await store.rows(
        'SELECT count() AS rows, uniqExact(request_id) AS ids, max(bytes_received) AS last FROM eastwatch.calls',
      ),
    ).toEqual([{ rows: deliveries * size, ids: deliveries * size, last: deliveries * size - 1 }])
  }, 120_000)

  it('a second process on the same folder is refused, and waits a while before', async () => {
    await expect(startEmbedded(options(store.folder))).rejects.toMatchObject({
      code: 'folder_unusable',
      message: expect.stringMatching(/in use by another process/),
    })
  }, 40_000)

  it('the child ends with its parent, and the folder can be opened at once', async () => {
    const folder = temporaryFolder()
    const script = join(folder, 'parent.mjs')
    writeFileSync(
      script,
      `import { startEmbedded } from ${JSON.stringify(join(ENTRY, '../supervisor.js'))}
       const logger = { error() {}, warn() {}, info() {} }
       const store = await startEmbedded({ ...${JSON.stringify({ ...options(folder), logger: undefined })}, logger })
       process.send(store.pid())
       setInterval(() => {}, 1000)`,
    )
    const parent = fork(script, [], { execArgv: [], stdio: 'ignore' })
    const pid = await new Promise<number>((resolve) => parent.once('message', (message) => resolve(message as number)))
    parent.kill('SIGKILL')
    const alive = () => {
      try {
        process.kill(pid, 0)
        return true
      } catch {
        return false
      }
    }
    await expect.poll(alive, { timeout: 5_000 }).toBe(false)
    expect(await findEndpoint(folder)).toBeUndefined()
    const next = await startEmbedded(options(folder))
    await next.stop()
    expect(existsSync(join(folder, 'endpoint.json'))).toBe(false)
  })

  it('a port in use, a folder that cannot be made, a missing program: each error names the thing', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    await expect(startEmbedded(options(temporaryFolder(), port))).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(`port ${port}`),
    })
    const file = join(mkdtempSync(join(tmpdir(), 'eastwatch-')), 'file')
    writeFileSync(file, '')
    await expect(startEmbedded(options(join(file, 'data')))).rejects.toMatchObject({
      code: 'folder_unusable',
      message: expect.stringContaining(file),
    })
    await expect(startEmbedded(options(temporaryFolder(), 0, '/nowhere/server.js'))).rejects.toMatchObject({
      code: 'folder_unusable',
    })
    taken.close()
  }, 40_000)

  it('a folder in which nobody may write is named, to root as well', async () => {
    await expect(startEmbedded(options('/sys/eastwatch'))).rejects.toMatchObject({
      code: 'folder_unusable',
      message: expect.stringContaining('/sys/eastwatch'),
    })
  })
})
