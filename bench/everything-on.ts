/**
 * The whole pipeline on the defaults: collector, detection, incidents, storage. Sustained is what went in divided by the time until
 * every reader of the log had done with it: what only piled up in the log does not count. Load, pipeline and store share the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { GroupLag } from '../core/bus/bus.ts'
import { StorageConfig } from '../storage/config.ts'
import { openReader } from '../storage/query.ts'
import { Child } from './child.ts'
import { judgedRows } from './judged.ts'
import { NODE_FLAGS } from './node-flags.ts'
import { declareShop } from './otlp-to-bus.ts'
import type { Row } from './row.ts'
import { anonymousBytes, cpuSeconds, threadSeconds, waitedSeconds } from './usage.ts'

/** As many as the exporter of an OpenTelemetry Collector has under way on its defaults. */
const REQUESTS = 10
const LOADED_MS = 60_000
const SAMPLE_MS = 200
const DRAIN_MS = 180_000

interface Started {
  port: number
  healthPort: number
  storePid: number
}

export async function benchEverythingOn(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  declareShop(folder)
  const pipeline = await Child.start<Started>('pipeline-process', [folder], NODE_FLAGS)
  const load = await Child.start('load-process', [`127.0.0.1:${pipeline.ready.port}`, String(REQUESTS)])
  const pids = { pipeline: pipeline.pid, store: pipeline.ready.storePid, load: load.pid }
  let memory = 0
  const sampler = setInterval(() => {
    memory = Math.max(memory, anonymousBytes(pids.pipeline) + anonymousBytes(pids.store))
  }, SAMPLE_MS)
  try {
    const cpu = () => [pids.pipeline, pids.store, pids.load].map(cpuSeconds)
    const cpuBefore = cpu()
    const threadsBefore = threadSeconds(pids.pipeline)
    const waitedBefore = waitedSeconds(pids.pipeline)
    const began = performance.now()
    await load.ask('go')
    await delay(LOADED_MS)
    const records = await load.ask<number>('stop')
    const received = performance.now() - began
    await drained(pipeline, records)
    const done = performance.now() - began
    const used = cpu().map((seconds, i) => seconds - cpuBefore[i]!)
    const waited = waitedSeconds(pids.pipeline) - waitedBefore
    const busiest = [...threadSeconds(pids.pipeline)]
      .map(([thread, seconds]) => seconds - (threadsBefore.get(thread) ?? 0))
      .sort((a, b) => b - a)
      .slice(0, 2)
    const stored = await storedCalls(folder)
    const rate = (records / done) * 1000
    return [
      { measured: 'records received a second, while loaded', figure: whole((records / received) * 1000) },
      { measured: 'records a second, sustained: received, judged and stored', figure: whole(rate) },
      { measured: 'time to catch up after the load', figure: `${((done - received) / 1000).toFixed(1)} s` },
      { measured: 'records received, and calls stored', figure: `${whole(records)}, ${whole(stored.rows)}` },
      { measured: 'anonymous memory, pipeline and store, most', figure: `${whole(memory / 2 ** 20)} MiB` },
      {
        measured: 'of that time, the pipeline waited for a processor',
        figure: `${waited.toFixed(1)} of ${(done / 1000).toFixed(1)} s`,
      },
      {
        measured: 'CPU per record: pipeline, store, load',
        figure: used.map((s) => `${((s * 1e6) / records).toFixed(1)} us`).join(', '),
      },
      {
        measured: "of that, the pipeline's two busiest threads",
        figure: busiest.map((s) => `${((s * 1e6) / records).toFixed(1)} us`).join(', '),
      },
      { measured: 'bytes stored per call', figure: (stored.bytes / stored.rows).toFixed(1) },
      {
        measured: 'GB a day at the sustained rate',
        figure: whole(((stored.bytes / stored.rows) * rate * 86_400) / 1e9),
      },
    ]
  } finally {
    clearInterval(sampler)
    await load.stop()
    await pipeline.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Resolves when stage 1 has judged so many records, and the sink of calls has stored what the log held when this began. */
async function drained(pipeline: Child<Started>, records: number): Promise<void> {
  const sink = (lags: GroupLag[]) => lags.filter(({ group }) => group === 'storage-calls')
  const ends = new Map(sink(await pipeline.ask<GroupLag[]>('lag')).map(({ partition, end }) => [partition, end]))
  const giveUpAt = performance.now() + DRAIN_MS
  for (;;) {
    const lags = sink(await pipeline.ask<GroupLag[]>('lag'))
    const judged = await judgedRows(pipeline.ready.healthPort)
    if (judged >= records && lags.every(({ partition, committed }) => committed >= ends.get(partition)!)) return
    if (performance.now() > giveUpAt) {
      throw new Error(`not drained in ${DRAIN_MS / 1000} s: ${judged} of ${records} judged, ${JSON.stringify(lags)}`)
    }
    await delay(SAMPLE_MS)
  }
}

async function storedCalls(dataFolder: string): Promise<{ rows: number; bytes: number }> {
  const reader = await openReader({ dataFolder, storage: StorageConfig.parse({}) })
  const [stored] = await reader.rows<{ rows: string; bytes: string }>(
    "SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts WHERE table = 'calls' AND active",
  )
  await reader.close()
  return { rows: Number(stored!.rows), bytes: Number(stored!.bytes) }
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')
