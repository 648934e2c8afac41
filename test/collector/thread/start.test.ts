import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { status } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { CollectorConfig } from '../../../collector/config.ts'
import { FIELD_ALIASES } from '../../../collector/otlp/log-record.ts'
import { type CollectorThreadOptions, startCollectorThread } from '../../../collector/thread/start.ts'
import { MINUTE, SECOND, SharedClock, systemClock } from '../../../core/clock.ts'
import { PipelineError } from '../../../core/errors.ts'
import { declaredObjects } from '../../../demo/shop.ts'
import { PolicyConfig } from '../../../policy/config.ts'
import { gate } from '../../core/bus/drive.ts'
import { readRecording } from '../../envoy/fixture.ts'
import { countRecords } from '../../envoy/sink.ts'
import { MemoryBus } from '../memory-bus.ts'
import { logs } from '../requests.ts'
import { grpcClient } from '../running.ts'

const ENTRY = join(import.meta.dirname, '../../../dist/collector/thread/main.js')
const LOGS_AT = 1_795_296_000 * SECOND
const built = existsSync(ENTRY)
if (!built) console.warn("the collector's thread: skipped, dist/ is not built (npm run build)")

const cleanUps: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const step of cleanUps.splice(0).reverse()) await step()
})

async function started(more: Partial<CollectorThreadOptions> = {}, entry = pathToFileURL(ENTRY)) {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-thread-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  const bus = new MemoryBus()
  const stop = new AbortController()
  const policyFolder = join(folder, 'policy')
  mkdirSync(policyFolder)
  const thread = await startCollectorThread(
    {
      config: CollectorConfig.parse({ grpcAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' }),
      dataFolder: folder,
      policy: { ...PolicyConfig.parse({}), folder: policyFolder },
      bus,
      clock: systemClock,
      ticking: false,
      logLevel: 'silent',
      ...more,
    },
    stop.signal,
    entry,
  )
  cleanUps.push(async () => {
    stop.abort()
    await thread.stopped
  })
  const client = grpcClient(thread.ports.grpc)
  cleanUps.push(() => client.close())
  return { thread, bus, client, stop, policyFolder }
}

describe.skipIf(!built)("the collector's thread", () => {
  it('puts every record on the bus of the other thread before it acknowledges, and counts it', async () => {
    const { thread, bus, client } = await started()
    const { bodies } = readRecording('allowed_http')
    for (const body of bodies) await client.send(body)
    const records = bodies.reduce((sum, body) => sum + countRecords(body), 0)
    expect(bus.calls()).toHaveLength(records)
    expect(thread.counts()).toMatchObject({ received: { logs: records }, calls: records })
  })

  it('reads time from a clock that another thread sets', async () => {
    const clock = new SharedClock()
    clock.set(1_795_296_000 * SECOND)
    const { thread, bus } = await started({ clock })
    await thread.tick()
    clock.set(1_795_296_007 * SECOND)
    await thread.tick()
    expect(bus.ticks(0).map(({ time }) => time)).toEqual([1_795_296_000 * SECOND, 1_795_296_007 * SECOND])
  })

  it("gives the bus's refusals to the sender as they are", async () => {
    const { thread, bus, client } = await started()
    bus.gate = async () => {
      throw new PipelineError('bus_full', 'the log is full', { retriable: true, retryAfterMs: 7000 })
    }
    await expect(client.send(logs(1))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('the log is full'),
    })
    await expect(thread.tick()).rejects.toMatchObject({ code: 'bus_full', retriable: true, retryAfterMs: 7000 })
  })

  it('leaves what was refused as it was: the bus may still be sending it', async () => {
    const { bus, client } = await started()
    const { bodies } = readRecording('allowed_http')
    const publish = bus.publish.bind(bus)
    const refused: { value: Uint8Array; was: Uint8Array }[] = []
    bus.publish = async (records) => {
      refused.push(...records.map(({ value }) => ({ value, was: Uint8Array.from(value) })))
      throw new PipelineError('bus_unavailable', 'the log is away', { retriable: true })
    }
    await expect(client.send(bodies[0]!)).rejects.toMatchObject({ code: status.UNAVAILABLE })
    bus.publish = publish
    for (const body of bodies) await client.send(body)
    expect(refused.length).toBeGreaterThan(0)
    for (const { value, was } of refused) expect(value).toEqual(was)
  })

  it('reads a delivery once all is known that others had learned when it came, and refuses it where that cannot be had', async () => {
    const address = '10.0.0.11'
    const identity = 'cluster.local/ns/shop/sa/web'
    const name = { address, identity, seen: LOGS_AT / MINUTE, disputed: 0 }
    const questions: ReturnType<typeof gate<Error | undefined>>[] = []
    const upToNow = async () => {
      const question = gate<Error | undefined>()
      questions.push(question)
      const error = await question.opened
      if (error !== undefined) throw error
    }
    const { thread, bus, client } = await started({ upToNow })
    const body = logs(1, 'a', { [FIELD_ALIASES.downstreamRemoteAddress[0]]: `${address}:40000` }, LOGS_AT)
    const refused = client.send(body)
    await expect.poll(() => questions.length).toBe(1)
    questions[0]!.open(new PipelineError('bus_unavailable', 'the log is away', { retriable: true }))
    const unavailable = { code: status.UNAVAILABLE, details: expect.stringContaining('the log is away') }
    await expect(refused).rejects.toMatchObject(unavailable)
    expect(bus.publications).toBe(0)
    const sent = client.send(body)
    await expect.poll(() => questions.length).toBe(2)
    thread.know([name])
    questions[1]!.open(undefined)
    await sent
    expect(bus.calls()).toMatchObject([{ sourceIdentity: identity, sourceIdentityOrigin: 'learned' }])
  })

  it('stops once what waited for others, or for them to know, is durable and acknowledged', async () => {
    const question = gate()
    let questions = 0
    const upToNow = () => {
      questions += 1
      return question.opened
    }
    const { thread, bus, client, stop } = await started({ upToNow })
    const { bodies } = readRecording('allowed_http')
    const sent = client.send(bodies[0]!)
    await expect.poll(() => questions).toBe(1)
    stop.abort()
    question.open()
    await sent
    await thread.stopped
    expect(bus.calls()).toHaveLength(countRecords(bodies[0]!))
    expect(bus.ticks(0).at(-1)).toMatchObject({ leave: true })
  })

  it('tells of ticks that the log does not take, and that it takes them again', async () => {
    const config = { grpcAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', tickMs: 20 }
    const { thread, bus } = await started({ ticking: true, config: CollectorConfig.parse(config) })
    bus.gate = async () => {
      throw new PipelineError('bus_full', 'the log is full', { retriable: true })
    }
    await expect.poll(() => thread.tickFailure()).toBe('the log is full')
    bus.gate = async () => {}
    await expect.poll(() => thread.tickFailure()).toBeUndefined()
  })

  it('reads the declared objects anew when asked to; broken ones leave the old in force', async () => {
    const { thread, bus, client, policyFolder } = await started()
    const [body] = readRecording('denied_http').bodies
    const reasonOf = async () => {
      await client.send(body!)
      return bus.calls().at(-1)!.decisionReason
    }
    expect(await reasonOf()).toBe('unknown: no policy declared')
    writeFileSync(join(policyFolder, 'shop.json'), JSON.stringify(declaredObjects()))
    await thread.reloadPolicy()
    const declared = await reasonOf()
    expect(declared).not.toBe('unknown: no policy declared')
    writeFileSync(join(policyFolder, 'broken.yaml'), 'kind: [')
    await expect(thread.reloadPolicy()).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('mend the file or take it out'),
    })
    expect(await reasonOf()).toBe(declared)
  })

  it('writes its leave tick when it stops', async () => {
    const { thread, bus, stop } = await started()
    stop.abort()
    await thread.stopped
    expect(bus.ticks(0).at(-1)).toMatchObject({ producer: thread.id, leave: true })
    await expect(thread.tick()).rejects.toThrow('the collector has stopped')
  })

  it('stops in bounded time also where the log never answers, and acknowledges nothing of what it gives up', async () => {
    const { thread, bus, client, stop } = await started()
    const [body] = readRecording('denied_http').bodies
    bus.gate = () => new Promise(() => {})
    const sent = client.send(body!).then(
      () => 'acknowledged',
      () => 'refused',
    )
    await expect.poll(() => bus.publications).toBe(1)
    stop.abort()
    await thread.stopped
    expect(await sent).toBe('refused')
  }, 20_000)

  it('says why it cannot start', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    const config = CollectorConfig.parse({ grpcAddress: `127.0.0.1:${port}`, httpAddress: '127.0.0.1:0' })
    await expect(started({ config })).rejects.toMatchObject({ code: 'port_in_use' })
    taken.close()
  })

  it('says why it did not stop cleanly', async () => {
    const lost = new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort } from 'node:worker_threads'
        parentPort.postMessage({ type: 'started', ports: { grpc: 1, http: 1 }, id: 'x' })
        parentPort.once('message', () => {
          parentPort.postMessage({ type: 'failed', error: { message: 'no way out', retriable: false } })
          parentPort.close()
        })`)}`,
    )
    const { thread, stop } = await started({}, lost)
    stop.abort()
    await expect(thread.stopped).rejects.toThrow('no way out')
    cleanUps.length = 1
  })

  it('is told of when it ends by itself', async () => {
    const crash = new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort } from 'node:worker_threads'
        parentPort.postMessage({ type: 'started', ports: { grpc: 1, http: 1 }, id: 'x' })
        parentPort.on('message', () => { throw new Error('out of luck') })`)}`,
    )
    const { thread } = await started({}, crash)
    const ended = expect(thread.stopped).rejects.toThrow('out of luck')
    await expect(thread.tick()).rejects.toThrow('out of luck')
    await ended
    await expect(thread.tick()).rejects.toThrow('out of luck')
    cleanUps.length = 1
  })
})
