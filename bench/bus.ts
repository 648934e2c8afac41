/** The embedded log by itself: appending, many small publishers at once, and steps with their commits, for both durabilities. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalBusConfig } from '../core/bus/local/config.ts'
import { type LocalBus, openLocalBus } from '../core/bus/local/local-bus.ts'
import type { Row } from './row.ts'

const MB = 1024 * 1024
const BLOCK = new Uint8Array(64 * 1024).fill(7)
const BLOCKS = 2000
const RUN_MS = 2000

export async function benchBus(): Promise<Row[]> {
  return [...(await measure('process')), ...(await measure('power'))]
}

async function measure(durability: LocalBusConfig['durability']): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  const topics = ['blocks', 'small', 'out'].map((name) => ({ name, partitions: 1 }))
  const bus = await openLocalBus({ folder, topics, config: { maxBytes: 2 ** 30, durability } })
  try {
    const row = (measured: string, figure: string) => ({ measured: `${measured}, durability ${durability}`, figure })
    return [
      row('append of 64 KiB blocks, eight at a time', `${await append(bus)} MB/s`),
      row('records of 300 B from 64 publishers at once', `${await publishers(bus)}/s`),
      row('blocks through steps that each commit an output and state', `${await steps(bus, 'blocks', 'eight')} MB/s`),
      row('steps of one record, each with its own commit', `${await steps(bus, 'small', 'one')}/s`),
    ]
  } finally {
    await bus.close()
    rmSync(folder, { recursive: true })
  }
}

async function append(bus: LocalBus): Promise<number> {
  const startedAt = performance.now()
  const records = Array.from({ length: 8 }, () => ({ topic: 'blocks', partition: 0, value: BLOCK }))
  for (let sent = 0; sent < BLOCKS; sent += 8) await bus.publish(records)
  return perSecond((BLOCKS * BLOCK.length) / MB, startedAt)
}

async function publishers(bus: LocalBus): Promise<number> {
  const startedAt = performance.now()
  const record = { topic: 'small', partition: 0, value: new Uint8Array(300) }
  let sent = 0
  const publisher = async () => {
    for (; performance.now() - startedAt < RUN_MS; sent += 1) await bus.publish([record])
  }
  await Promise.all(Array.from({ length: 64 }, publisher))
  return perSecond(sent, startedAt)
}

/** Blocks by the MB, or steps of one record by their number. */
async function steps(bus: LocalBus, topic: string, perStep: 'eight' | 'one'): Promise<number> {
  const stop = new AbortController()
  const startedAt = performance.now()
  let records = 0
  let bytes = 0
  await bus.process({
    topic,
    group: 'bench',
    signal: perStep === 'one' ? AbortSignal.timeout(RUN_MS) : stop.signal,
    maxBatchBytes: perStep === 'one' ? 1 : 8 * BLOCK.length,
    start: ({ committed }) => ({
      from: committed,
      step(batch) {
        records += batch.records.length
        for (const { value } of batch.records) bytes += value.length
        if (records === BLOCKS) stop.abort()
        return {
          next: batch.records.at(-1)!.offset + 1,
          publish: [{ topic: 'out', partition: 0, value: new Uint8Array(300) }],
          state: [{ key: `key-${records % 100}`, value: new Uint8Array(200) }],
        }
      },
    }),
  })
  return perSecond(perStep === 'one' ? records : bytes / MB, startedAt)
}

function perSecond(count: number, startedAt: number): number {
  return Math.round((count * 1000) / (performance.now() - startedAt))
}
