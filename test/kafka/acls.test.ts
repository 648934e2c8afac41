/** deploy/kafka/acls.sh on a real Kafka: each role as a user of its own, with what it gives and nothing else. */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { ROLES, type RoleName } from '../../cli/roles/role.ts'
import { createClient, reachOf } from '../../core/bus/kafka/client.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { encodeLogs } from '../../demo/otlp.ts'
import { eastwatch, FREE_PORTS, folderWith, runningIn, type Started, start, stopAll, until } from '../cli/command.ts'
import { noPipeline } from '../e2e/pipeline.ts'
import { storyRecords, unreadable } from '../e2e/traffic.ts'
import { type SecureBroker, startSecureBroker } from './broker.ts'
import { Writer } from './reading.ts'

const started = await startSecureBroker()
if ('missing' in started) console.log(`tests of access lists are skipped: ${started.missing}`)
const broker = started as SecureBroker
const ROOT = join(import.meta.dirname, '../..')
const PREFIX = `${randomUUID()}.`
const OTLP_TOPIC = `otlp_logs-${randomUUID()}`

const CALLS = 20

/** Some calls as proxies tell them, and one record that tells nothing. */
function callsOfNow(): Buffer {
  const records = storyRecords(1, Date.now() * 1000).slice(0, CALLS)
  return encodeLogs([...records, unreadable(records[0]!)])
}

describe.skipIf('missing' in started || noPipeline() !== undefined)(
  'deploy/kafka/acls.sh',
  { timeout: 300_000 },
  () => {
    const tools = mkdtempSync(join(tmpdir(), 'eastwatch-tools-'))
    let config: object
    let folder: string
    const running = new Map<RoleName, Started>()

    beforeAll(() => {
      const tool = join(tools, 'kafka-acls.sh')
      const script = join(ROOT, 'scripts/kafka/main.mjs')
      writeFileSync(
        tool,
        `#!/bin/sh\nexec "${process.execPath}" "${script}" tool org.apache.kafka.tools.AclCommand "$@"\n`,
      )
      chmodSync(tool, 0o755)
      execFileSync(join(ROOT, 'deploy/kafka/acls.sh'), ['--bootstrap-server', broker.brokers], {
        env: { ...process.env, PATH: `${tools}:${process.env.PATH}`, PREFIX, OTLP_TOPICS: OTLP_TOPIC },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      config = {
        ...FREE_PORTS,
        collector: { ...FREE_PORTS.collector, kafka: { topics: [{ topic: OTLP_TOPIC }] } },
        detectors: { latenessSeconds: 1 },
        bus: {
          partitions: 2,
          kafka: {
            brokers: [broker.saslBrokers],
            prefix: PREFIX,
            replicationFactor: 1,
            tls: { ca: 'file:ca.pem' },
            sasl: { username: '${ROLE}', password: '${ROLE}-secret' },
          },
        },
      }
      folder = folderWith(config)
      writeFileSync(join(folder, 'ca.pem'), broker.ca)
    }, 180_000)
    afterAll(async () => {
      for (const { child, ended } of running.values()) {
        child.kill('SIGKILL')
        await ended
      }
      for (const made of [tools, folder]) rmSync(made, { recursive: true, force: true })
      await broker.stop()
    })

    const isUp = async (role: RoleName) => {
      const { out, err, ended } = running.get(role)!
      const over = ended.then(({ code }) => {
        throw new Error(`${role} ended with ${code}: ${err()}`)
      })
      await Promise.race([over, until(() => out().includes('Ctrl-C'), 60_000)])
    }

    const readyz = async (role: RoleName) => {
      const health = /(http:\S+)\/readyz/.exec(running.get(role)!.out())![1]!
      const answer = await fetch(`${health}/readyz`)
      return { status: answer.status, text: await answer.text() }
    }

    it('gives each role what it needs: what comes in is stored and judged, people act, with a user for each of them', async () => {
      const writer = new Writer(broker.brokers)
      await writer.make([OTLP_TOPIC])
      await writer.write(OTLP_TOPIC, [{ value: callsOfNow() }])
      for (const role of ROLES) running.set(role, start(folder, [role], { ROLE: role }))
      for (const role of ROLES) await isUp(role)
      const port = / or (\d+) \(OTLP HTTP\)/.exec(running.get('collector')!.out())![1]!
      const sent = await fetch(`http://127.0.0.1:${port}/v1/logs`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf' },
        body: new Uint8Array(callsOfNow()),
      })
      expect(sent.status).toBe(200)
      const store = /ClickHouse +(http:\S+)/.exec(running.get('storage')!.out())![1]!
      const count = async (table: string) => {
        const query = `SELECT count() FROM eastwatch.${table}`
        const headers = { 'X-ClickHouse-User': 'eastwatch_reader', 'X-ClickHouse-Key': 'eastwatch' }
        return Number(await (await fetch(store, { method: 'POST', body: query, headers })).text())
      }
      await expect.poll(() => count('calls'), { timeout: 60_000 }).toBe(2 * CALLS)
      await expect.poll(() => count('rejected'), { timeout: 60_000 }).toBe(2)
      await expect.poll(() => count('windows'), { timeout: 60_000 }).toBeGreaterThan(0)
      // Of alerts: the log's time has come through every topic and group.
      for (const role of ROLES) {
        await expect.poll(() => readyz(role), { timeout: 60_000 }).toMatchObject({ status: 200 })
      }
      const { text } = await readyz('collector')
      expect(text).toContain(`reads ${OTLP_TOPIC} (1 of its partitions)`)
      expect(text).toContain('what other collectors have learned is known')

      writeFileSync(join(folder, 'console.yaml'), stringify({ ...config, storage: { url: store } }))
      running.set('console', start(folder, ['console', '--config', 'console.yaml'], { ROLE: 'console' }))
      await isUp('console')
      const url = /Look at it +(http:\S+)/.exec(running.get('console')!.out())![1]!
      const silences = (...args: string[]) =>
        eastwatch(folder, ['silences', ...args, '--url', url], { ROLE: 'console' })
      const said = await silences('add', 'destination="payment.shop"', '--for', '1h', '--reason', 'a test')
      // It has come through alerts and storage by then, two other processes.
      expect(said).toMatchObject({
        code: 0,
        err: '',
        out: expect.stringMatching(/^silence \w+ is in force, for 1h\n$/),
      })
      expect(await count('silences')).toBe(1)
      await expect.poll(() => readyz('console'), { timeout: 60_000 }).toMatchObject({ status: 200 })

      for (const { err } of running.values()) expect(err()).not.toMatch(/lacks a right/)
      await stopAll(running)
      expect(runningIn(folder)).toEqual([])
    })

    const clientOf = (user: string) =>
      createClient(
        reachOf({
          brokers: [broker.saslBrokers],
          tls: { ca: broker.ca },
          sasl: { mechanism: 'plain', username: user, password: broker.credentials(user).password },
        }),
      )

    it.each<[RoleName, string]>([
      ['collector', OTLP_TOPIC],
      ['collector', TOPIC.findings],
      ['detectors', TOPIC.calls],
      ['storage', TOPIC.calls],
      ['storage', TOPIC.incidents],
      ['alerts', TOPIC.windows],
      ['console', TOPIC.incidents],
    ])('does not let %s write %s', async (role, topic) => {
      const producer = clientOf(role).producer()
      await producer.connect()
      const sent = producer.send({ topic: topic === OTLP_TOPIC ? topic : PREFIX + topic, messages: [{ value: 'x' }] })
      await expect(sent).rejects.toThrow(/not authorized/i)
      await producer.disconnect()
    })

    it('lets console write what people do, among the findings', async () => {
      const producer = clientOf('console').producer()
      await producer.connect()
      const [sent] = await producer.send({ topic: PREFIX + TOPIC.findings, messages: [{ value: 'x' }] })
      expect(sent).toMatchObject({ errorCode: 0 })
      await producer.disconnect()
    })

    it('lets no role read or delete what is not its own', async () => {
      const admin = clientOf('collector').admin()
      await admin.connect()
      const deleted = admin.deleteTopics({ topics: [PREFIX + TOPIC.calls] })
      await expect(deleted).rejects.toThrow(/not authorized/i)
      await admin.disconnect()
      const consumer = clientOf('alerts').consumer({ groupId: `${PREFIX}incidents@x` })
      await consumer.connect()
      await consumer.subscribe({ topic: PREFIX + TOPIC.calls, fromBeginning: true })
      const crashed = new Promise<Error>((resolve) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error))
      })
      await consumer.run({ eachMessage: async () => {} })
      expect(await crashed).toMatchObject({ message: expect.stringMatching(/not authorized/i) })
      await consumer.disconnect()
    })
  },
)
