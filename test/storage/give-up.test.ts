import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { connectStore } from '../../storage/clickhouse.ts'

/** More than the client has connections. */
const REQUESTS = 40

describe('a store that takes requests and never answers', () => {
  let requests = 0
  const server = createServer((incoming) => {
    requests += 1
    incoming.resume()
  })
  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it('holds nobody up once the client is closed: what was under way, and what waited for a connection, fails at once', async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const store = connectStore({ url, username: 'u', password: 'p' })
    const insert = (token: string) =>
      store.insert({ table: 'calls', columns: ['a'], format: 'JSONEachRow', token, body: Readable.from(['{"a":1}\n']) })
    const asked = [
      ...Array.from({ length: REQUESTS }, (_, i) => insert(`${i}`)),
      store.rows('SELECT 1'),
      store.command('OPTIMIZE TABLE calls'),
    ].map((one) =>
      one.then(
        () => 'done',
        (error: { code: string; retriable: boolean }) => error,
      ),
    )
    await expect.poll(() => requests).toBeGreaterThan(0)
    const before = performance.now()
    await store.close()
    for (const outcome of await Promise.all(asked)) {
      expect(outcome).toMatchObject({ code: 'store_unavailable', retriable: true })
    }
    expect(performance.now() - before).toBeLessThan(5_000)
  })
})
