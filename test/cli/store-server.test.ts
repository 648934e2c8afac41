/** The command with `storage.url`: the server is an embedded engine's process of its own. */
import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRecording } from '../envoy/fixture.ts'
import { noEngine, openStore, READER_PASSWORD, type TestStore } from '../storage/store.ts'
import { eastwatch, FREE_PORTS, folderWith, start, until, up } from './command.ts'

describe.skipIf(noEngine())('eastwatch with a ClickHouse server', () => {
  let server: TestStore
  const folders: string[] = []
  const folderOf = (keys: object) => {
    const { url, username } = server.embedded
    const storage = { url, username, readerPassword: READER_PASSWORD, ttlDays: { calls: 3650 }, ...keys }
    const folder = folderWith({ ...FREE_PORTS, storage })
    folders.push(folder)
    return folder
  }
  beforeAll(async () => {
    server = await openStore()
  })
  afterAll(async () => {
    await server.stop()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })

  it('up stores into it, and query, doctor and readyz work with it', async () => {
    const folder = folderOf({ password: '${STORE_PASSWORD}' })
    const env = { STORE_PASSWORD: server.embedded.password }
    const running = await up(folder, env)
    const empty = await eastwatch(folder, ['doctor'], env)
    expect(empty.code).toBe(1)
    expect(empty.out).toContain(`Nothing says whether a pipeline stores into ${server.embedded.url}`)
    const { bodies, facts } = readRecording('allowed_http')
    const headers = { 'content-type': 'application/x-protobuf' }
    for (const body of bodies) {
      expect((await fetch(`${running.http}/v1/logs`, { method: 'POST', headers, body })).status).toBe(200)
    }
    const count = async () => {
      const { out } = await eastwatch(folder, ['query', '--json', 'SELECT toUInt32(count()) AS n FROM calls'], env)
      return Number(JSON.parse(out).n)
    }
    await until(async () => (await count()) === facts.records)
    const { parts } = (await (await fetch(`${running.health}/readyz`)).json()) as { parts: Record<string, object> }
    expect(parts.store).toEqual({ ready: true, detail: `${server.embedded.url} answers` })
    expect((await running.stop()).code).toBe(0)
    expect(await count()).toBe(facts.records)
    const unknown = await eastwatch(folder, ['query', 'SELECT * FROM nothing_here'], env)
    expect(unknown.err).toContain('"SHOW TABLES" lists what there is')
    const printed = await eastwatch(folder, ['config', 'print'], env)
    expect(printed.out).not.toContain(server.embedded.password)
  })

  it('a wrong password ends the start with the key to look at', async () => {
    const { code, err } = await eastwatch(folderOf({ password: 'wrong-one' }), ['up'])
    expect(code).not.toBe(0)
    expect(err).toContain('storage.username or storage.password is wrong')
    expect(err).not.toContain('wrong-one')
  })

  it('a server that is not there is waited for, and Ctrl-C ends the wait', async () => {
    const folder = folderOf({ url: 'http://127.0.0.1:1', password: 'x' })
    const waiting = start(folder, ['up'])
    await until(() => waiting.err().includes('the store is not ready yet'))
    waiting.child.kill('SIGTERM')
    const { err } = await waiting.ended
    expect(err).toContain('ECONNREFUSED')
  })
})
