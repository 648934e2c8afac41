/** Where the pipeline's CPU goes, by V8's profiler over some seconds of load. The store's own process is not in it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Child } from './child.ts'
import { declareShop } from './otlp-to-bus.ts'
import type { Row } from './row.ts'

const REQUESTS = 32
const WARM_UP_MS = 5000
const PROFILED_MS = 15_000

export async function benchCpuShares(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  declareShop(folder)
  const pipeline = await Child.start<{ port: number }>('pipeline-process', [folder])
  const load = await Child.start('load-process', [`127.0.0.1:${pipeline.ready.port}`, String(REQUESTS)])
  try {
    await load.ask('go')
    await delay(WARM_UP_MS)
    await pipeline.ask('profile')
    await delay(PROFILED_MS)
    const shares = await pipeline.ask<Record<string, number>>('shares')
    await load.ask('stop')
    return Object.entries(shares)
      .sort(([, a], [, b]) => b - a)
      .map(([part, share]) => ({ measured: `pipeline's busy time: ${part}`, figure: `${(share * 100).toFixed(1)} %` }))
  } finally {
    await load.stop()
    await pipeline.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
