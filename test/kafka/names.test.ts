/** What one collector learns, as others use it, on a real Kafka that comes and goes. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Block, isBlock } from '../../core/block.ts'
import type { BusRecord } from '../../core/bus/bus.ts'
import { openKafkaBus } from '../../core/bus/kafka/kafka-bus.ts'
import { TOPIC, topicSpecs } from '../../core/bus/topics.ts'
import type { Call } from '../../core/call.ts'
import type { Check } from '../../core/telemetry/health.ts'
import type { AccessLog, Attributes } from '../../demo/access-log.ts'
import { encodeLogs } from '../../demo/otlp.ts'
import { LogSender } from '../../demo/sender.ts'
import { newWorld, noPipeline, PipelineProcess, type World } from '../e2e/pipeline.ts'
import { endOf, originUs, storyRecords } from '../e2e/traffic.ts'
import { type OwnBroker, startOwnBroker } from './broker.ts'

const started = await startOwnBroker()
if ('missing' in started) console.log(`tests of names on a real Kafka are skipped: ${started.missing}`)
const broker = started as OwnBroker

const PARTITIONS = 3
/** Each once with a broker that is killed, and with one that stands still. */
const TIMES = 2
const STANDS_STILL_MS = 5000
const WITHIN_MS = 120_000
const OF_CERTIFICATE = /^downstream_(peer|tls)/

describe.skipIf('missing' in started || noPipeline() !== undefined)('names that another collector learns', () => {
  const cleanUps: (() => unknown)[] = []
  afterEach(async () => {
    for (const step of cleanUps.splice(0).reverse()) await step()
  })
  afterAll(() => broker.stop())

  const origin = originUs()
  /** As the callee's sidecar writes it, of a caller that shows its certificate. */
  const proof = storyRecords(1, origin).find(({ attributes }) => attributes.downstream_peer_uri_san !== '-')!
  const caller = proof.attributes.downstream_peer_uri_san
  const from = (host: string, path: string): AccessLog => {
    const attributes = { ...proof.attributes, downstream_remote_address: `${host}:40000`, path }
    return { ...proof, attributes }
  }
  const unnamed = (record: AccessLog): AccessLog => {
    const entries = Object.entries(record.attributes)
    const blank = entries.map(([name, value]) => [name, OF_CERTIFICATE.test(name) ? '-' : value])
    return { ...record, attributes: Object.fromEntries(blank) as Attributes }
  }

  async function collectors(prefix: string, count: number) {
    const kafka = { brokers: [broker.brokers], prefix, replicationFactor: 1, sessionTimeoutMs: 6000 }
    const starting = Array.from({ length: count }, async () => {
      const world: World = await newWorld({ bus: { partitions: PARTITIONS, kafka } })
      cleanUps.push(() => world.remove())
      const process = await PipelineProcess.start(world, endOf(proof), ['collector'])
      cleanUps.push(() => process.kill())
      const sender = new LogSender(`127.0.0.1:${process.ports.grpc}`)
      cleanUps.push(() => sender.close())
      const send = (record: AccessLog) => sender.send(encodeLogs([record]), AbortSignal.timeout(WITHIN_MS))
      /** What /readyz says of it. */
      const check = async () => {
        const answer = await fetch(`http://127.0.0.1:${process.ports.health}/readyz`)
        return ((await answer.json()) as { parts: Record<string, Check> }).parts.names
      }
      return { send, check }
    })
    return Promise.all(starting)
  }

  async function callsOf(prefix: string): Promise<Call[]> {
    const bus = await openKafkaBus({
      reach: { brokers: [broker.brokers] },
      prefix,
      folder: mkdtempSync(join(tmpdir(), 'eastwatch-state-')),
      topics: topicSpecs(PARTITIONS),
      replicationFactor: 1,
      sessionTimeoutMs: 6000,
    })
    cleanUps.push(() => bus.close())
    const calls: Call[] = []
    const onRecords = (records: readonly BusRecord[]) => {
      for (const { value } of records) {
        if (!isBlock(value)) continue
        const block = new Block(value)
        for (let row = 0; row < block.rows; row += 1) calls.push(block.call(row))
      }
    }
    const { signal } = new AbortController()
    await bus.follow({ topic: TOPIC.calls, since: 0, onRecords, signal }).caughtUp
    return calls
  }

  it('are known to each in the moment in which it takes calls again after the broker was away', async () => {
    const prefix = `${randomUUID()}.`
    const [learner, ...others] = await collectors(prefix, 3)
    const away: (() => Promise<void>)[] = [
      async () => {
        await broker.kill()
        await broker.start()
      },
      async () => {
        broker.pause()
        await delay(STANDS_STILL_MS)
        broker.resume()
      },
    ]
    const expected: string[] = []
    for (let time = 0; time < TIMES; time += 1) {
      for (const [how, goAway] of away.entries()) {
        await goAway()
        const host = `172.16.${time}.${how}`
        await learner!.send(from(host, '/proof'))
        // From the same address without a certificate, once the proof is acknowledged.
        await Promise.all(others.map(({ send }, i) => send(unnamed(from(host, `/${i}`)))))
        expected.push(`${host} /proof record`, ...others.map((_, i) => `${host} /${i} learned`))
      }
    }
    const calls = await callsOf(prefix)
    const told = calls.map((call) => `${call.sourceAddress} ${call.path} ${call.sourceIdentityOrigin}`)
    expect(told.sort()).toEqual(expected.sort())
    for (const { sourceIdentity } of calls) expect(caller).toBe(`spiffe://${sourceIdentity}`)
  }, 300_000)

  it('keep a collector from being ready as long as it cannot ask for them', async () => {
    const [{ check }] = (await collectors(`${randomUUID()}.`, 1)) as [Awaited<ReturnType<typeof collectors>>[0]]
    expect(await check()).toMatchObject({ ready: true })
    await broker.kill()
    expect(await check()).toMatchObject({ ready: false, detail: expect.stringMatching(/^Kafka: /) })
    await broker.start()
    await expect.poll(check, { timeout: WITHIN_MS }).toMatchObject({ ready: true })
  }, 300_000)
})
