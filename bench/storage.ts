/** The embedded store: calls through HTTP as Native inserts, rows a second, CPU of both processes, bytes kept a call. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { encodeBlock } from '../core/block.ts'
import { type Call, emptyCall } from '../core/call.ts'
import { SECOND } from '../core/clock.ts'
import { createLogger } from '../core/logger.ts'
import { connectStore, type Store } from '../storage/clickhouse.ts'
import { StorageConfig } from '../storage/config.ts'
import { migrate } from '../storage/migrate.ts'
import { streamOf } from '../storage/sink.ts'
import { callsSink } from '../storage/sinks/calls.ts'
import { startStore } from '../storage/start.ts'
import type { Row } from './row.ts'

const ROWS_PER_BLOCK = 500
const BLOCKS_PER_INSERT = 120
const INSERTS = 20

export async function benchStorage(): Promise<Row[]> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  const storage = StorageConfig.parse({})
  const embedded = await startStore({ dataFolder, storage }, createLogger('error'), { port: 0 })
  const store = connectStore({ url: embedded.url, username: embedded.username, password: embedded.password })
  try {
    await migrate(store)
    const pid = embedded.pid()!
    const batches = Array.from({ length: INSERTS }, (_, insert) => blocksOf(insert))
    const own = process.cpuUsage()
    const childMs = cpuMs(pid)
    const began = performance.now()
    for (const [n, blocks] of batches.entries()) await insertBatch(store, blocks, `bench-${n}`)
    const seconds = (performance.now() - began) / 1000
    const used = process.cpuUsage(own)
    const child = cpuMs(pid) - childMs
    const rows = INSERTS * BLOCKS_PER_INSERT * ROWS_PER_BLOCK
    await store.command('OPTIMIZE TABLE eastwatch.calls FINAL')
    const [kept] = await store.rows<{ rows: number; bytes: number }>(
      "SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts WHERE table = 'calls' AND active",
    )
    const perCall = kept!.bytes / kept!.rows
    return [
      {
        measured: 'store: calls inserted a second, one insert at a time',
        figure: Math.round(rows / seconds).toLocaleString('en'),
      },
      { measured: 'store: CPU per call, this process', figure: `${((used.user + used.system) / rows).toFixed(2)} us` },
      { measured: 'store: CPU per call, the store process', figure: `${((child * 1000) / rows).toFixed(2)} us` },
      { measured: 'store: memory of the store process (anonymous)', figure: `${anonymousMiB(pid)} MiB` },
      { measured: 'store: bytes kept per call', figure: perCall.toFixed(1) },
      { measured: 'store: GB a day at 10,000 calls/s', figure: ((perCall * 10_000 * 86_400) / 1e9).toFixed(1) },
    ]
  } finally {
    await store.close()
    await embedded.stop()
    rmSync(dataFolder, { recursive: true, force: true })
  }
}

async function insertBatch(store: Store, blocks: readonly Uint8Array[], batch: string): Promise<void> {
  const gatherer = callsSink.gatherer(undefined)
  for (const block of blocks) gatherer.add(block)
  for (const { table, format, columns, body, group } of gatherer.inserts()) {
    const token = `${batch}-${group}`
    await store.insert({ table, format, columns: [...columns, 'batch'], token, body: streamOf(body(batch)) })
  }
}

/** Calls like those of a shop: 200 pairs, 40 routes, ids that never repeat. */
function blocksOf(insert: number): Uint8Array[] {
  const at = Math.floor(Date.now() / 1000) * SECOND + insert * SECOND
  return Array.from({ length: BLOCKS_PER_INSERT }, (_, block) => {
    const first = (insert * BLOCKS_PER_INSERT + block) * ROWS_PER_BLOCK
    const calls = Array.from({ length: ROWS_PER_BLOCK }, (_, n) => callOf(first + n, at))
    const id = Buffer.alloc(16)
    id.writeUInt32LE(first + 1, 0)
    return encodeBlock([{ id, calls }])
  })
}

function callOf(n: number, at: number): Call {
  const hash = Math.imul(n + 1, 0x9e3779b1) >>> 0
  const hex = hash.toString(16).padStart(8, '0')
  const pair = hash % 200
  const duration = 500 + (hash % 20_011)
  return {
    ...emptyCall(),
    reporter: n % 2 === 0 ? 'source' : 'destination',
    reporterPod: `pod-${pair}-${hash % 3}`,
    sourceIdentity: `spiffe://cluster.local/ns/shop/sa/client-${pair % 20}`,
    sourceIdentityOrigin: 'record',
    sourceService: `client-${pair % 20}.shop`,
    sourceServiceOrigin: 'inventory',
    sourceNamespace: 'shop',
    sourceAddress: `10.0.${pair % 20}.${hash % 3}`,
    sourcePort: 30_000 + (hash % 20_000),
    destinationIdentity: `spiffe://cluster.local/ns/shop/sa/server-${pair % 10}`,
    destinationIdentityOrigin: 'record',
    destinationService: `server-${pair % 10}.shop`,
    destinationServiceOrigin: 'record',
    destinationNamespace: 'shop',
    destinationAddress: `10.1.0.${pair % 10}`,
    destinationPort: 8080,
    protocol: 'http',
    method: hash % 4 === 0 ? 'POST' : 'GET',
    path: `/api/v1/orders/${hash % 100_000}`,
    route: `/api/v1/orders/{id}/${hash % 4}`,
    status: hash % 50 === 0 ? 503 : 200,
    outcome: hash % 50 === 0 ? 'server_error' : 'ok',
    tlsState: 'mutual',
    tlsVersion: 'TLSv1.3',
    decision: 'allowed',
    start: at + (hash % SECOND) - duration,
    end: at + (hash % SECOND),
    durationUs: duration,
    durationStepUs: 1,
    bytesReceived: hash % 2000,
    bytesSent: hash % 9000,
    attempts: 1,
    requestId: `${hex}-0000-4000-8000-${hex}${hex.slice(0, 4)}`,
    traceId: hex + hex + hex + hex,
    spanId: hex + hex,
    format: 'envoy_otlp',
    sender: `10.0.${pair % 20}.${hash % 3}`,
    trust: 'verified',
    received: at + SECOND,
  }
}

/** User and system time of a process so far; 0 where there is no /proc. */
function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0
  }
}

function anonymousMiB(pid: number): number {
  try {
    return Math.round(Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024)
  } catch {
    return 0
  }
}
