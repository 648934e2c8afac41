/** What the storage role takes out of Kafka into the embedded engine: a backlog, stored by one process. */
import { setTimeout as delay } from 'node:timers/promises'
import { StorageConfig } from '../storage/config.ts'
import { openReader } from '../storage/query.ts'
import { Child } from './child.ts'
import { childrenOf, grpcPortOf, KafkaSite } from './role-process.ts'
import type { Row } from './row.ts'
import { anonymousBytes, cpuSeconds } from './usage.ts'

const REQUESTS = 10
const FILLED_MS = 40_000
const SAMPLE_MS = 100
const GIVE_UP_MS = 240_000

export async function benchKafkaToClickHouse(): Promise<Row[]> {
  const site = new KafkaSite()
  try {
    const collector = await site.start('collector')
    const load = await Child.start('load-process', [`127.0.0.1:${grpcPortOf(collector)}`, String(REQUESTS)])
    await load.ask('go')
    await delay(FILLED_MS)
    const records = await load.ask<number>('stop')
    await load.stop()

    const storage = await site.start('storage')
    const [engine] = childrenOf(storage.pid)
    const reader = await openReader({ dataFolder: site.dataFolder, storage: StorageConfig.parse({}) })
    const look = async () => {
      const [row] = await reader.rows<{ calls: string }>('SELECT count() AS calls FROM eastwatch.calls')
      const cpu = { storage: cpuSeconds(storage.pid), engine: cpuSeconds(engine!) }
      return { at: performance.now(), calls: Number(row!.calls), cpu }
    }
    try {
      const begun = await look()
      let memory = 0
      let now = begun
      while (now.calls < records) {
        if (now.at - begun.at > GIVE_UP_MS) throw new Error(`${now.calls} of ${records} calls are stored in time`)
        await delay(SAMPLE_MS)
        now = await look()
        memory = Math.max(memory, anonymousBytes(storage.pid))
      }
      const calls = now.calls - begun.calls
      const perCall = (key: 'storage' | 'engine') =>
        `${(((now.cpu[key] - begun.cpu[key]) * 1e6) / calls).toFixed(1)} us`
      return [
        { measured: 'calls that waited in Kafka, and calls measured', figure: `${whole(records)}, ${whole(calls)}` },
        { measured: 'calls stored a second', figure: whole((calls / (now.at - begun.at)) * 1000) },
        { measured: 'CPU per call: storage, engine', figure: `${perCall('storage')}, ${perCall('engine')}` },
        { measured: 'anonymous memory of storage, most', figure: `${whole(memory / 2 ** 20)} MiB` },
      ]
    } finally {
      await reader.close()
    }
  } finally {
    await site.stop()
  }
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')
