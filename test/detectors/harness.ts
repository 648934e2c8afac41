/** Runs both stages over a log held in memory: any partition count, batch size and restarts, as a bus would drive them. */
import { createHash } from 'node:crypto'
import { encodeBlock } from '../../core/block.ts'
import type { BusRecord, PartitionProcessor, StepResult } from '../../core/bus/bus.ts'
import { partitionOf, TOPIC } from '../../core/bus/topics.ts'
import { type Call, emptyCall } from '../../core/call.ts'
import { SECOND } from '../../core/clock.ts'
import { encodeTick } from '../../core/tick.ts'
import { DetectorsConfig } from '../../detectors/config.ts'
import { decodeFinding, type Finding } from '../../detectors/detector.ts'
import { emptyCounts } from '../../detectors/engine/counts.ts'
import { createProcessor, type Machine } from '../../detectors/engine/machine.ts'
import { Stage1 } from '../../detectors/engine/stage1.ts'
import { Stage2 } from '../../detectors/engine/stage2.ts'
import { detectorsOf } from '../../detectors/registry.ts'
import { decodeWindows, type PairWindow } from '../../detectors/window.ts'

export function call(fields: Partial<Call>): Call {
  return { ...emptyCall(), trust: 'verified', ...fields }
}

export interface LogOptions {
  partitions?: number
  /** Seconds of arrival between blocks. */
  blockSeconds?: number
  /** When a call reaches the collector; its end by default. */
  arrival?: (call: Call, i: number) => number
}

type Log = Map<string, Uint8Array[][]>

let deliveries = 0

function deliveryId(): Uint8Array {
  deliveries += 1
  const id = createHash('sha256').update(String(deliveries)).digest()
  return id.subarray(0, 16)
}

/** The `calls` topic as one collector would write it: blocks a second long, and a tick a second to every partition. */
export function writeCalls(calls: Iterable<Call>, options: LogOptions = {}): Uint8Array[][] {
  const { partitions = 1, blockSeconds = 1, arrival = (c: Call) => c.end } = options
  const log: Uint8Array[][] = Array.from({ length: partitions }, () => [])
  let seq = 0
  let second = -1
  let waiting: Call[][] = Array.from({ length: partitions }, () => [])
  const flush = () => {
    waiting.forEach((own, p) => {
      if (own.length > 0) log[p]!.push(encodeBlock([{ id: deliveryId(), calls: own }]))
    })
    waiting = Array.from({ length: partitions }, () => [])
  }
  const tick = (time: number) => {
    seq += 1
    for (const own of log) own.push(encodeTick({ producer: 'collector', seq, time, leave: false }))
  }
  const at: { call: Call; at: number }[] = []
  let i = 0
  for (const one of calls) at.push({ call: one, at: arrival(one, i++) })
  at.sort((a, b) => a.at - b.at)
  for (const { call: one, at: time } of at) {
    const now = Math.floor(time / SECOND / blockSeconds) * blockSeconds
    if (second < 0) {
      second = now
      tick(now * SECOND)
    }
    if (now > second) {
      flush()
      // A tick of every second would be mostly idle here; one at each end of a gap says the same.
      tick(Math.min(now, second + blockSeconds) * SECOND)
      if (now > second + blockSeconds) tick(now * SECOND)
      second = now
    }
    waiting[partitionOf(one.destinationService, partitions)]!.push(one)
  }
  flush()
  for (let k = 1; k <= 12; k += 1) tick((second + blockSeconds + k * 10) * SECOND)
  return log
}

export interface RunOptions {
  config?: Partial<Parameters<typeof DetectorsConfig.parse>[0] & object>
  /** Records of the next batch. */
  batch?: () => number
  /** True where the process dies after this commit. */
  crash?: () => boolean
}

export interface Run {
  findings: Finding[]
  windows: PairWindow[]
  counts: ReturnType<typeof emptyCounts>
  hash: string
}

export async function detect(callsLog: Uint8Array[][], options: RunOptions = {}): Promise<Run> {
  const partitions = callsLog.length
  const config = DetectorsConfig.parse(options.config ?? {})
  const counts = emptyCounts()
  const log: Log = new Map([
    [TOPIC.windows, Array.from({ length: partitions }, () => [])],
    [TOPIC.findings, Array.from({ length: partitions }, () => [])],
  ])
  for (let partition = 0; partition < partitions; partition += 1) {
    const detectors = detectorsOf('destination', config)
    const make = () =>
      new Stage1({ partition, partitions: { windows: partitions, findings: partitions }, config, detectors, counts })
    await drive(TOPIC.calls, partition, callsLog[partition]!, make, log, options)
  }
  const stage2Counts = emptyCounts()
  for (let partition = 0; partition < partitions; partition += 1) {
    const detectors = detectorsOf('source', config)
    const make = () =>
      new Stage2({
        partition,
        partitions: { calls: partitions, findings: partitions },
        config,
        detectors,
        counts: stage2Counts,
      })
    await drive(TOPIC.windows, partition, log.get(TOPIC.windows)![partition]!, make, log, options)
  }
  const findings = log
    .get(TOPIC.findings)!
    .flat()
    .flatMap((value) => decodeFinding(value) ?? [])
  const windows = log
    .get(TOPIC.windows)!
    .flat()
    .flatMap((value) => decodeWindows(value)?.windows ?? [])
  return { findings, windows, counts, hash: findingsHash(findings) }
}

/** The same for the same set of findings, whatever order they came in. */
export function findingsHash(findings: readonly Finding[]): string {
  const texts = findings.map((finding) => JSON.stringify(finding)).sort()
  return createHash('sha256').update(texts.join('\n')).digest('hex')
}

async function drive(
  topic: string,
  partition: number,
  input: readonly Uint8Array[],
  make: () => Machine,
  log: Log,
  { batch = () => 64, crash = () => false }: RunOptions,
): Promise<void> {
  const state = new Map<string, Uint8Array>()
  let committed = 0
  let processor: PartitionProcessor | undefined
  let offset = 0
  while (offset < input.length) {
    if (processor === undefined) {
      const sorted = [...state].sort(([a], [b]) => (a < b ? -1 : 1))
      processor = await createProcessor({ topic, partition, logId: 'log', committed, state: sorted }, make())
      offset = processor.from
    }
    const size = Math.max(1, batch())
    const records: BusRecord[] = input.slice(offset, offset + size).map((value, i) => ({ offset: offset + i, value }))
    const result = (await processor.step({ topic, partition, records }, new AbortController().signal)) as
      | StepResult
      | undefined
    offset += records.length
    if (result === undefined) continue
    if (result.next <= committed || (result.keep ?? 0) > result.next) throw new Error('commit goes backwards')
    committed = result.next
    for (const { key, value } of result.state ?? []) {
      if (value === null) state.delete(key)
      else state.set(key, Uint8Array.from(value))
    }
    for (const { topic: to, partition: p, value } of result.publish ?? []) log.get(to)![p]!.push(value)
    if (crash()) processor = undefined
  }
}
