/** Where the CPU of the pipeline's two threads goes, by V8's profiler over its whole life. The store's own process is not in it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Child } from './child.ts'
import { NODE_FLAGS } from './node-flags.ts'
import { declareShop } from './otlp-to-bus.ts'
import type { Row } from './row.ts'
import { sharesIn } from './shares.ts'

/** As many as the exporter of an OpenTelemetry Collector has under way on its defaults. */
const REQUESTS = 10
/** Long enough that the start hardly counts. */
const PROFILED_MS = 30_000

export async function benchCpuShares(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  const profiles = mkdtempSync(join(tmpdir(), 'eastwatch-profiles-'))
  try {
    declareShop(folder)
    const pipeline = await Child.start<{ port: number }>(
      'pipeline-process',
      [folder],
      [...NODE_FLAGS, '--cpu-prof', `--cpu-prof-dir=${profiles}`],
    )
    const load = await Child.start('load-process', [`127.0.0.1:${pipeline.ready.port}`, String(REQUESTS)])
    await load.ask('go')
    await delay(PROFILED_MS)
    await load.ask('stop')
    await load.stop()
    await pipeline.stop()
    return sharesIn(profiles).flatMap(({ thread, shares }) =>
      Object.entries(shares)
        .sort(([, a], [, b]) => b - a)
        .map(([part, share]) => ({
          measured: `busy time of the ${thread} thread: ${part}`,
          figure: `${(share * 100).toFixed(1)} %`,
        })),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
    rmSync(profiles, { recursive: true, force: true })
  }
}
