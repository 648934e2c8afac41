/**
 * The embedded store: calls through HTTP as Native inserts. CPU of inserting and of rewriting what was inserted (merges) apart, for
 * the engine has threads of its own for merges and they go on after the last insert.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeBlock } from '../core/block.ts'
import type { Call } from '../core/call.ts'
import { SECOND } from '../core/clock.ts'
import { createLogger } from '../core/logger.ts'
import { connectStore, type Store } from '../storage/clickhouse.ts'
import { StorageConfig } from '../storage/config.ts'
import { migrate } from '../storage/migrate.ts'
import { startEngine } from '../storage/start.ts'
import type { Row } from './row.ts'
import { callOf, insertCalls } from './stored-calls.ts'
import { anonymousBytes, cpuSeconds } from './usage.ts'

const ROWS_PER_BLOCK = 500
/** 60,000 rows: what three seconds of log bring at 20,000 a second. */
const BLOCKS_PER_INSERT = 120
/** Enough for two rounds of merges (min_parts_to_merge_at_once of the table). */
const INSERTS = 45
const SETTLE_MS = 30_000

export async function benchStorage(): Promise<Row[]> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  const storage = StorageConfig.parse({})
  const embedded = await startEngine({ dataFolder, storage }, createLogger('error'), { port: 0 })
  const store = connectStore({ url: embedded.url, username: embedded.username, password: embedded.password })
  try {
    await migrate(store)
    const pid = embedded.pid()!
    const before = { all: cpuSeconds(pid), merges: mergeSeconds(pid) }
    let [seconds, own] = [0, 0]
    for (let n = 0; n < INSERTS; n += 1) {
      const blocks = blocksOf(n)
      const [began, used] = [performance.now(), process.cpuUsage()]
      await insertCalls(store, blocks, `bench-${n}`)
      seconds += (performance.now() - began) / 1000
      const { user, system } = process.cpuUsage(used)
      own += user + system
    }
    const merged = await settled(store)
    const merges = mergeSeconds(pid) - before.merges
    const inserts = cpuSeconds(pid) - before.all - merges
    const rows = INSERTS * BLOCKS_PER_INSERT * ROWS_PER_BLOCK
    const [kept] = await store.rows<{ rows: number; bytes: number; parts: number }>(
      "SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts FROM system.parts WHERE table = 'calls' AND active",
    )
    const perCall = Number(kept!.bytes) / Number(kept!.rows)
    const perRow = (cpu: number, of: number) => (of === 0 ? 'none' : `${((cpu * 1e6) / of).toFixed(2)} us`)
    return [
      {
        measured: 'store: calls inserted a second, one insert at a time',
        figure: Math.round(rows / seconds).toLocaleString('en'),
      },
      { measured: 'store: CPU per call of inserting, this process', figure: `${(own / rows).toFixed(2)} us` },
      { measured: 'store: CPU per call of inserting, the store process', figure: perRow(inserts, rows) },
      { measured: 'store: CPU per call and merge, the store process', figure: perRow(merges, merged) },
      {
        measured: 'store: times a call was merged, parts left',
        figure: `${(merged / rows).toFixed(2)}, ${kept!.parts}`,
      },
      {
        measured: 'store: memory of the store process (anonymous)',
        figure: `${Math.round(anonymousBytes(pid) / 2 ** 20)} MiB`,
      },
      { measured: 'store: bytes kept per call', figure: perCall.toFixed(1) },
      { measured: 'store: GB a day at 10,000 calls/s', figure: ((perCall * 10_000 * 86_400) / 1e9).toFixed(1) },
    ]
  } finally {
    await store.close()
    await embedded.stop()
    rmSync(dataFolder, { recursive: true, force: true })
  }
}

/** Waits until the engine merges no more. Rows it merged so far, a row once for each time. */
async function settled(store: Store): Promise<number> {
  const until = performance.now() + SETTLE_MS
  for (let before = -1; ; ) {
    const [now] = await store.rows<{ merged: number | string; running: number | string }>(
      `SELECT (SELECT sum(value) FROM system.events WHERE event = 'MergedRows') AS merged,
         (SELECT count() FROM system.merges) AS running`,
    )
    const merged = Number(now!.merged)
    if ((Number(now!.running) === 0 && merged === before) || performance.now() > until) return merged
    before = merged
    await delay(1500)
  }
}

/** Calls like those of a shop: 200 pairs, 40 routes, ids that never repeat. */
function blocksOf(insert: number): Uint8Array[] {
  const at = Math.floor(Date.now() / 1000) * SECOND + insert * SECOND
  return Array.from({ length: BLOCKS_PER_INSERT }, (_, block) => {
    const first = (insert * BLOCKS_PER_INSERT + block) * ROWS_PER_BLOCK
    const calls: Call[] = []
    for (let n = 0; n < ROWS_PER_BLOCK; n += 2) {
      // Both proxies report a call, under the same ids.
      const ids = { requestId: randomUUID(), traceId: randomBytes(16).toString('hex') }
      calls.push({ ...callOf(first + n, at), ...ids }, { ...callOf(first + n, at), ...ids, reporter: 'destination' })
    }
    const id = Buffer.alloc(16)
    id.writeUInt32LE(first + 1, 0)
    return encodeBlock([{ id, calls }])
  })
}

/** User and system time of the engine's threads for merges so far; 0 where there is no /proc. */
function mergeSeconds(pid: number): number {
  let seconds = 0
  for (const thread of threadsOf(pid)) {
    const [head, tail = ''] = thread.split(') ')
    if (!head!.endsWith('(MergeMutate')) continue
    const fields = tail.split(' ')
    seconds += (Number(fields[11]) + Number(fields[12])) / 100
  }
  return seconds
}

function threadsOf(pid: number): string[] {
  try {
    const folder = `/proc/${pid}/task`
    return readdirSync(folder).map((thread) => readFileSync(join(folder, thread, 'stat'), 'utf8'))
  } catch {
    return []
  }
}
