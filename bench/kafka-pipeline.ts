/**
 * The pipeline as processes on a real Kafka, with detection and without it, one after the other on the same input. All of them, the
 * broker and the load share the machine, so CPU per record says more than the rate.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { RoleName } from '../cli/roles/role.ts'
import { StorageConfig } from '../storage/config.ts'
import { openReader } from '../storage/query.ts'
import { Child } from './child.ts'
import { judgedRows } from './judged.ts'
import { childrenOf, grpcPortOf, healthOf, KafkaSite, type RoleProcess } from './role-process.ts'
import type { Row } from './row.ts'
import { anonymousBytes, cpuSeconds } from './usage.ts'

/** As many as the exporter of an OpenTelemetry Collector has under way on its defaults. */
const REQUESTS = 10
const LOADED_MS = 40_000
const SAMPLE_MS = 250
const DRAIN_MS = 240_000

interface Run {
  rate: number
  records: number
  stored: number
  /** Of each process, and the broker, in microseconds. */
  cpuPerRecord: Map<string, number>
  memory: Map<string, number>
  /** Bytes of what groups remember, by the bytes of calls. */
  stateShare: number
}

export async function benchKafkaPipeline(): Promise<Row[]> {
  const off = await run(['storage', 'collector'])
  const on = await run(['storage', 'alerts', 'detectors', 'collector'])
  const ingest = sum(off.cpuPerRecord, ['collector', 'storage', 'engine'])
  const detection = sum(on.cpuPerRecord, ['detectors', 'alerts'])
  return [
    ...rowsOf('off', off),
    ...rowsOf('on', on),
    {
      measured: 'CPU of detection and alerts, by that of ingest and storage without them',
      figure: `${((100 * detection) / ingest).toFixed(1)} %`,
    },
    {
      measured: 'bytes of the change log (state topics), by the bytes of calls',
      figure: `${(on.stateShare * 100).toFixed(2)} %`,
    },
  ]
}

function rowsOf(detection: string, { rate, records, stored, cpuPerRecord, memory }: Run): Row[] {
  const list = (values: Map<string, number>, text: (value: number) => string) =>
    [...values].map(([name, value]) => `${name} ${text(value)}`).join(', ')
  const row = (measured: string, figure: string) => ({ measured: `detection ${detection}: ${measured}`, figure })
  return [
    row('records a second, received, judged and stored', whole(rate)),
    row('records received, and calls stored', `${whole(records)}, ${whole(stored)}`),
    row(
      'CPU per record, us',
      list(cpuPerRecord, (us) => us.toFixed(1)),
    ),
    row(
      'anonymous memory, most, MiB',
      list(memory, (bytes) => whole(bytes / 2 ** 20)),
    ),
  ]
}

async function run(roles: readonly RoleName[]): Promise<Run> {
  const site = new KafkaSite()
  const started = new Map<RoleName, RoleProcess>()
  let load: Child<unknown> | undefined
  let sampler: NodeJS.Timeout | undefined
  try {
    for (const role of roles) started.set(role, await site.start(role))
    const pids = new Map<string, number>([...started].map(([role, { pid }]) => [role, pid]))
    pids.set('engine', childrenOf(pids.get('storage')!)[0]!)
    pids.set('broker', site.brokerPid)
    load = await Child.start('load-process', [`127.0.0.1:${grpcPortOf(started.get('collector')!)}`, String(REQUESTS)])
    const memory = new Map<string, number>()
    sampler = setInterval(() => {
      for (const [name, pid] of pids) memory.set(name, Math.max(memory.get(name) ?? 0, anonymousBytes(pid)))
    }, SAMPLE_MS)
    const before = new Map([...pids].map(([name, pid]) => [name, cpuSeconds(pid)]))
    const began = performance.now()
    await load.ask('go')
    await delay(LOADED_MS)
    const records = await load.ask<number>('stop')
    const stored = await drained(site, records, started.get('detectors'))
    const seconds = (performance.now() - began) / 1000
    const cpuPerRecord = new Map(
      [...pids].map(([name, pid]) => [name, ((cpuSeconds(pid) - before.get(name)!) * 1e6) / records]),
    )
    const stateShare = site.bytesOf(/\.state-\d+$/) / site.bytesOf(/^eastwatch\.calls-\d+$/)
    return { rate: records / seconds, records, stored, cpuPerRecord, memory, stateShare }
  } finally {
    clearInterval(sampler)
    await load?.stop()
    await site.stop()
  }
}

/** Calls that are stored, once all are and stage 1 has judged them. */
async function drained(site: KafkaSite, records: number, detectors: RoleProcess | undefined): Promise<number> {
  const reader = await openReader({ dataFolder: site.dataFolder, storage: StorageConfig.parse({}) })
  const giveUpAt = performance.now() + DRAIN_MS
  try {
    for (;;) {
      const [row] = await reader.rows<{ calls: string }>('SELECT count() AS calls FROM eastwatch.calls')
      const stored = Number(row!.calls)
      const judged = detectors === undefined ? records : await judgedRows(healthOf(detectors))
      if (stored >= records && judged >= records) return stored
      if (performance.now() > giveUpAt) throw new Error(`${stored} stored and ${judged} judged of ${records} in time`)
      await delay(SAMPLE_MS)
    }
  } finally {
    await reader.close()
  }
}

const sum = (values: Map<string, number>, names: string[]) => names.reduce((all, name) => all + values.get(name)!, 0)
const whole = (value: number): string => Math.round(value).toLocaleString('en')
