/** Stage 1 alone, single-threaded: rows a second and state written, by how rows spread over pairs. */
import { performance } from 'node:perf_hooks'
import { encodeBlock } from '../core/block.ts'
import { type Call, emptyCall } from '../core/call.ts'
import { SECOND } from '../core/clock.ts'
import { encodeTick } from '../core/tick.ts'
import { DetectorsConfig } from '../detectors/config.ts'
import { emptyCounts } from '../detectors/engine/counts.ts'
import { createProcessor } from '../detectors/engine/machine.ts'
import { Stage1 } from '../detectors/engine/stage1.ts'
import { detectorsOf } from '../detectors/registry.ts'
import type { Row } from './row.ts'

/** As many as the collector gathers for one partition. */
const ROWS_PER_BLOCK = 2000
const SECONDS = 150
const START = 1_800_000_000 * SECOND

interface Shape {
  name: string
  pairs: number
  /** Share of the rows on the first pair. */
  hot: number
  rowsPerSecond: number
}

const SHAPES: readonly Shape[] = [
  { name: '60 % on one pair', pairs: 200, hot: 0.6, rowsPerSecond: 8000 },
  { name: 'spread over 1,000 pairs', pairs: 1000, hot: 0, rowsPerSecond: 8000 },
  { name: 'a call a minute on 3,880 pairs', pairs: 38_800, hot: 0, rowsPerSecond: 130 },
]

export async function benchDetectors(): Promise<Row[]> {
  const rows: Row[] = []
  for (const shape of SHAPES) rows.push(...(await measure(shape)))
  return rows
}

async function measure(shape: Shape): Promise<Row[]> {
  const log = callsLog(shape)
  const config = DetectorsConfig.parse({})
  const counts = emptyCounts()
  const detectors = detectorsOf('destination', config)
  const stage = new Stage1({ partition: 0, partitions: { windows: 1, findings: 1 }, config, detectors, counts })
  const processor = await createProcessor(
    { topic: 'calls', partition: 0, logId: 'log', committed: 0, state: [] },
    stage,
  )
  const signal = new AbortController().signal
  const state = new Map<string, number>()
  let written = 0
  const cpu = process.cpuUsage()
  const began = performance.now()
  for (let at = 0; at < log.length; at += 16) {
    const records = log.slice(at, at + 16).map((value, i) => ({ offset: at + i, value }))
    const result = await processor.step({ topic: 'calls', partition: 0, records }, signal)
    for (const { key, value } of result?.state ?? []) {
      const bytes = key.length + (value?.length ?? 0)
      written += bytes
      state.set(key, bytes)
    }
  }
  const seconds = (performance.now() - began) / 1000
  const used = process.cpuUsage(cpu)
  const perRow = ((used.user + used.system) / counts.rows).toFixed(2)
  const rate = Math.round(counts.rows / seconds).toLocaleString('en')
  const pairs = [...state].filter(([key]) => key.startsWith('p:'))
  const perPair = Math.round(pairs.reduce((sum, [, bytes]) => sum + bytes, 0) / pairs.length)
  const calls = log.reduce((sum, { length }) => sum + length, 0)
  return [
    { measured: `stage 1, ${shape.name}: rows/s, one thread`, figure: rate },
    { measured: `stage 1, ${shape.name}: CPU per row`, figure: `${perRow} us` },
    { measured: `stage 1, ${shape.name}: state of a pair, as written`, figure: `${perPair} B` },
    {
      measured: `stage 1, ${shape.name}: state written, share of the bytes of calls`,
      figure: `${((100 * written) / calls).toFixed(1)} %`,
    },
  ]
}

function callsLog({ pairs, hot, rowsPerSecond }: Shape): Uint8Array[] {
  const log: Uint8Array[] = []
  const rowsPerBlock = Math.min(ROWS_PER_BLOCK, rowsPerSecond)
  let row = 0
  for (let second = 0; second < SECONDS; second += 1) {
    for (let block = 0; block < rowsPerSecond / rowsPerBlock; block += 1) {
      const calls = Array.from({ length: rowsPerBlock }, () => makeCall(row++, second, pairs, hot))
      const id = Buffer.alloc(16)
      id.writeUInt32LE(log.length + 1)
      id.writeUInt32LE(log.length * 7 + 1, 4)
      log.push(encodeBlock([{ id, calls }]))
    }
    log.push(encodeTick({ producer: 'bench', seq: second + 1, time: START + (second + 1) * SECOND, leave: false }))
  }
  return log
}

function makeCall(row: number, second: number, pairs: number, hot: number): Call {
  const one = row >> 1
  const spread = (one * 2_654_435_761) % 1_000_003
  const pair = spread / 1_000_003 < hot ? 0 : spread % pairs
  const bySource = row % 2 === 0
  const end = START + second * SECOND + (row % 1000) * 1000
  return {
    ...emptyCall(),
    trust: 'verified',
    reporter: bySource ? 'source' : 'destination',
    sourceIdentity: `cluster.local/ns/shop/sa/client-${pair % 40}`,
    sourceIdentityOrigin: 'record',
    sourceWorkload: `client-${pair % 40}`,
    sourceWorkloadOrigin: 'inventory',
    sourceNamespace: 'shop',
    sourceAddress: `10.0.${pair % 40}.${one % 20}`,
    sourceAddressIdentity: `cluster.local/ns/shop/sa/client-${pair % 40}`,
    destinationService: `service-${pair % 97}.shop`,
    destinationServiceOrigin: 'record',
    destinationIdentity: `cluster.local/ns/shop/sa/service-${pair % 97}`,
    destinationNamespace: 'shop',
    method: 'GET',
    path: `/items/${one}`,
    route: `/items/{id}/${one % 4}`,
    status: 200,
    tlsState: 'mutual',
    decision: 'allowed',
    start: end - 5000,
    end,
    durationUs: bySource ? 5400 : 5000,
    durationStepUs: 1,
    attempts: 1,
    requestId: `${(one * 2_654_435_761).toString(16).padStart(16, '0')}-${one.toString(16).padStart(12, '0')}`,
    traceId: one.toString(16).padStart(32, '0'),
    format: 'envoy',
    sender: 'bench',
  }
}
