/** OTLP over gRPC into the embedded log: the collector alone in a process of its own, loaded by another. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { declaredObjects } from '../demo/shop.ts'
import { PolicyConfig } from '../policy/config.ts'
import { Child } from './child.ts'
import type { Row } from './row.ts'
import { anonymousBytes } from './usage.ts'

/** As many as the exporter of an OpenTelemetry Collector has under way on its defaults. */
const REQUESTS = 10
const WARM_UP_MS = 4000
const MEASURED_MS = 10_000

interface Usage {
  cpu: NodeJS.CpuUsage
  calls: number
  rejected: number
}

export async function benchOtlpToBus(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  declareShop(folder)
  const collector = await Child.start<{ port: number }>('collector-process', [folder])
  const target = `127.0.0.1:${collector.ready.port}`
  const load = await Child.start<{ bytesPerRecord: number }>('load-process', [target, String(REQUESTS)])
  try {
    await load.ask('go')
    await delay(WARM_UP_MS)
    const [before, sentBefore, began] = [
      await collector.ask<Usage>('usage'),
      await load.ask<number>('acknowledged'),
      performance.now(),
    ]
    await delay(MEASURED_MS)
    const [after, sentAfter, ended] = [
      await collector.ask<Usage>('usage'),
      await load.ask<number>('acknowledged'),
      performance.now(),
    ]
    const memory = anonymousBytes(collector.pid)
    await load.ask('stop')
    const records = sentAfter - sentBefore
    const cpu = (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / 1e6
    return [
      { measured: 'body', figure: `500 records, ${whole(load.ready.bytesPerRecord)} B each` },
      { measured: 'records acknowledged a second', figure: whole((records / (ended - began)) * 1000) },
      { measured: 'records per CPU-second of the collector', figure: whole(records / cpu) },
      { measured: 'records rejected', figure: whole(after.rejected) },
      { measured: 'anonymous memory of the collector', figure: `${whole(memory / 2 ** 20)} MiB` },
    ]
  } finally {
    await load.stop()
    await collector.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The declared objects of the shop, where a pipeline on the defaults reads them. */
export function declareShop(dataFolder: string): void {
  const folder = join(dataFolder, PolicyConfig.parse({}).folder)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'shop.json'), JSON.stringify(declaredObjects()))
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')
