/** What a new owner of a partition waits for: a million keys of state, from Kafka and from the copy on its disk. */
import { randomFillSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Assignment, StateWrite } from '../core/bus/bus.ts'
import { type KafkaBus, openKafkaBus } from '../core/bus/kafka/kafka-bus.ts'
import { KafkaSite } from './role-process.ts'
import type { Row } from './row.ts'

const KEYS = 1_000_000
const KEYS_AT_A_TIME = 10_000
/** What a pair takes (`npm run bench detectors`). */
const BYTES = 700
const TOPIC = 'in'

export async function benchKafkaRestore(): Promise<Row[]> {
  const site = new KafkaSite()
  const folders = Array.from({ length: 2 }, () => mkdtempSync(join(tmpdir(), 'eastwatch-bench-')))
  const [own, empty] = folders as [string, string]
  try {
    const written = await secondsOf(() => inBus(site, own, write))
    const withCopy = await inBus(site, own, restore)
    const without = await inBus(site, empty, restore)
    const perMillion = ({ seconds, keys }: Restored) => `${((seconds * 1e6) / keys).toFixed(1)} s`
    return [
      { measured: 'keys, bytes of each', figure: `${whole(withCopy.keys)} and ${whole(without.keys)}, ${BYTES}` },
      { measured: 'state written by steps, MB a second', figure: whole((KEYS * BYTES) / 1e6 / written) },
      { measured: 'restored from Kafka, for a million keys', figure: perMillion(without) },
      { measured: 'restored from the copy on disk, for a million keys', figure: perMillion(withCopy) },
    ]
  } finally {
    await site.stop()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
}

interface Restored {
  keys: number
  seconds: number
}

async function inBus<T>(site: KafkaSite, folder: string, work: (bus: KafkaBus) => Promise<T>): Promise<T> {
  const bus = await openKafkaBus({
    reach: { brokers: [site.brokers] },
    prefix: 'bench.',
    folder,
    topics: [{ name: TOPIC, partitions: 1 }],
    replicationFactor: 1,
    sessionTimeoutMs: 10_000,
  })
  try {
    return await work(bus)
  } finally {
    await bus.close()
  }
}

/** As many keys, a batch of them in each step. */
async function write(bus: KafkaBus): Promise<void> {
  const steps = KEYS / KEYS_AT_A_TIME
  const value = Buffer.from('step')
  await bus.publish(Array.from({ length: steps }, () => ({ topic: TOPIC, partition: 0, value })))
  const stop = new AbortController()
  let done = 0
  await bus.process({
    topic: TOPIC,
    group: 'bench',
    signal: stop.signal,
    maxBatchBytes: 1,
    start: ({ committed }) => ({
      from: committed,
      step: ({ records }) => {
        const first = done * KEYS_AT_A_TIME
        done += 1
        if (done === steps) stop.abort()
        return {
          next: records[0]!.offset + 1,
          state: Array.from({ length: KEYS_AT_A_TIME }, (_, i) => entry(first + i)),
        }
      },
    }),
  })
}

/** Values that no compression makes smaller. */
function entry(n: number): StateWrite {
  return { key: `pair-${n.toString().padStart(9, '0')}`, value: randomFillSync(Buffer.allocUnsafe(BYTES)) }
}

async function restore(bus: KafkaBus): Promise<Restored> {
  const stop = new AbortController()
  const restored = { keys: 0, seconds: 0 }
  const began = performance.now()
  const start = async ({ committed, state }: Assignment) => {
    for await (const _ of state) restored.keys += 1
    restored.seconds = (performance.now() - began) / 1000
    stop.abort()
    return { from: committed, step: () => undefined }
  }
  await bus.process({ topic: TOPIC, group: 'bench', signal: stop.signal, start })
  return restored
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')
