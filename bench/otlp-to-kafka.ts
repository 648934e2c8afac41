/**
 * OTLP over gRPC into Kafka: Eastwatch's collector and a stock OpenTelemetry Collector with its Kafka exporter, in turns, on the same
 * input, each alone on a processor of its own; load and broker have another. Both acknowledge once Kafka has it (acks=all).
 *
 * They do not do the same: the stock Collector passes on what it got, Eastwatch's makes calls of it, names them, judges them by policy, and
 * writes blocks.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '../core/bus/kafka/client.ts'
import { Child } from './child.ts'
import { grpcPortOf, KafkaSite, pinned } from './role-process.ts'
import type { Row } from './row.ts'
import { anonymousBytes, cpuSeconds } from './usage.ts'

/** Processors. */
const MEASURED = 0
const OTHERS = 1
const REQUESTS = 10
/** Rounds that are not counted: one of the two compiles what is hot as it runs. */
const WARM_UPS = 1
const ROUNDS = 3
const WARM_UP_MS = 3000
const MEASURED_MS = 8000
/** A body of the load in one. */
const MAX_MESSAGE_BYTES = 10_000_000
/** As many as Eastwatch's topics have here. */
const PARTITIONS = 4
const OTELCOL_SCRIPT = join(import.meta.dirname, '../../scripts/otelcol/main.mjs')

interface Measured {
  recordsPerSecond: number
  recordsPerCpuSecond: number
  memory: number
  /** Of all that it took, warm-up included. */
  records: number
}

export async function benchOtlpToKafka(): Promise<Row[]> {
  const site = new KafkaSite(OTHERS)
  const stock = await startStock(site.brokers)
  try {
    const own = await site.start('collector', MEASURED)
    const subjects = {
      Eastwatch: { pid: own.pid, port: grpcPortOf(own) },
      'stock Collector': { pid: stock.pid, port: stock.port },
    }
    const figures = new Map(Object.keys(subjects).map((name) => [name, [] as Measured[]]))
    for (let round = 0; round < WARM_UPS + ROUNDS; round += 1) {
      for (const [name, subject] of Object.entries(subjects)) figures.get(name)!.push(await measure(subject))
    }
    const of = (name: string, key: keyof Measured) =>
      median(
        figures
          .get(name)!
          .slice(WARM_UPS)
          .map((one) => one[key]),
      )
    const rows = Object.keys(subjects).flatMap((name): Row[] => [
      { measured: `${name}: records a second`, figure: whole(of(name, 'recordsPerSecond')) },
      { measured: `${name}: records per CPU-second`, figure: whole(of(name, 'recordsPerCpuSecond')) },
      { measured: `${name}: anonymous memory`, figure: `${whole(of(name, 'memory') / 2 ** 20)} MiB` },
    ])
    const perRecord = (name: string, topics: RegExp) => {
      const records = figures.get(name)!.reduce((sum, one) => sum + one.records, 0)
      return whole(site.bytesOf(topics) / records)
    }
    const ratio = of('Eastwatch', 'recordsPerCpuSecond') / of('stock Collector', 'recordsPerCpuSecond')
    return [
      ...rows,
      { measured: 'records per CPU-second, Eastwatch by stock Collector', figure: `${ratio.toFixed(2)} x` },
      {
        measured: 'bytes of a record in Kafka: Eastwatch, stock Collector',
        figure: `${perRecord('Eastwatch', /^eastwatch\.(calls|names)-/)}, ${perRecord('stock Collector', /^otlp_logs-/)}`,
      },
    ]
  } finally {
    await stock.stop()
    await site.stop()
  }
}

async function measure({ pid, port }: { pid: number; port: number }): Promise<Measured> {
  const load = await Child.start('load-process', [`127.0.0.1:${port}`, String(REQUESTS)])
  execFileSync('taskset', ['-apc', String(OTHERS), String(load.pid)], { stdio: 'ignore' })
  try {
    await load.ask('go')
    await delay(WARM_UP_MS)
    const look = async () => ({
      records: await load.ask<number>('acknowledged'),
      cpu: cpuSeconds(pid),
      at: performance.now(),
    })
    const before = await look()
    await delay(MEASURED_MS)
    const after = await look()
    const memory = anonymousBytes(pid)
    const all = await load.ask<number>('stop')
    const records = after.records - before.records
    return {
      recordsPerSecond: (records / (after.at - before.at)) * 1000,
      recordsPerCpuSecond: records / (after.cpu - before.cpu),
      memory,
      records: all,
    }
  } finally {
    await load.stop()
  }
}

async function startStock(brokers: string): Promise<{ pid: number; port: number; stop(): Promise<void> }> {
  const program = execFileSync(process.execPath, [OTELCOL_SCRIPT], { encoding: 'utf8' }).trim().replace('OTELCOL=', '')
  const [port, folder] = [await freePort(), mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))]
  const file = join(folder, 'config.yaml')
  // JSON is YAML. Without a queue a request is answered once Kafka has it.
  const config = {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}`, max_recv_msg_size_mib: 64 } } } },
    exporters: {
      kafka: {
        brokers: [brokers],
        logs: { topic: 'otlp_logs', encoding: 'otlp_proto' },
        producer: { required_acks: 'all', compression: 'none', max_message_bytes: MAX_MESSAGE_BYTES },
        sending_queue: { enabled: false },
      },
    },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'error' } },
      pipelines: { logs: { receivers: ['otlp'], exporters: ['kafka'] } },
    },
  }
  writeFileSync(file, JSON.stringify(config))
  await makeTopic(brokers)
  const child = spawn(...pinned(MEASURED, program, ['--config', file]), { stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = once(child, 'exit')
  return {
    pid: child.pid!,
    port,
    async stop() {
      child.kill('SIGTERM')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function makeTopic(brokers: string): Promise<void> {
  const admin = createClient({ brokers: [brokers] }).admin()
  await admin.connect()
  const configEntries = [{ name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) }]
  await admin.createTopics({
    topics: [{ topic: 'otlp_logs', numPartitions: PARTITIONS, replicationFactor: 1, configEntries }],
    waitForLeaders: true,
  })
  await admin.disconnect()
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!
const whole = (value: number): string => Math.round(value).toLocaleString('en')
