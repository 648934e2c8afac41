/** The commands that run one role as a process of its own, as they were built, on a real Kafka. */
import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { ALL_ROLES, ROLES, type RoleName } from '../../cli/roles/role.ts'
import { eastwatch, FREE_PORTS, folderWith, runningIn, type Started, start, stopAll, until } from '../cli/command.ts'
import { noPipeline } from '../e2e/pipeline.ts'
import { type Broker, startBroker } from './broker.ts'

const started = await startBroker()
if ('missing' in started) console.log(`tests of the commands of roles are skipped: ${started.missing}`)
const broker = started as Broker
const SAYS: Record<RoleName, string[]> = {
  collector: ["Eastwatch's collector is up.", 'Send access logs to   port', 'Declared objects'],
  detectors: ["Eastwatch's detectors are up."],
  storage: ["Eastwatch's storage is up.", 'ClickHouse            http://127.0.0.1:', 'one process of storage only'],
  alerts: ["Eastwatch's alerts are up.", 'nobody yet; name a receiver: docs/alerts.md'],
  console: ["Eastwatch's console is up.", 'Look at it            http://127.0.0.1:'],
}

describe.skipIf('missing' in started || noPipeline() !== undefined)('the commands of roles', () => {
  const folders: string[] = []
  const children: Started[] = []
  afterEach(async () => {
    for (const { child, ended } of children.splice(0)) {
      child.kill('SIGKILL')
      await ended
    }
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  afterAll(() => broker.stop())

  const folderOf = (bus: object) => {
    const folder = folderWith({ ...FREE_PORTS, bus })
    folders.push(folder)
    return folder
  }

  const onKafka = () => ({
    partitions: 2,
    kafka: { brokers: [broker.brokers], prefix: `${randomUUID()}.`, replicationFactor: 1 },
  })

  /** Resolves when it has said that it is up. */
  async function saysItIsUp(role: RoleName, { out, err, ended }: Started): Promise<void> {
    const over = ended.then(({ code }) => {
      throw new Error(`${role} ended with ${code}: ${err()}`)
    })
    over.catch(() => {
      // Of no interest once it is up.
    })
    const isUp = until(() => out().includes('Ctrl-C'), 60_000).catch(() => {
      throw new Error(`${role} is not up in time: ${err()}`)
    })
    await Promise.race([over, isUp])
  }

  it('run side by side, say where they are, let people act by way of Kafka, and stop cleanly when told', async () => {
    const bus = onKafka()
    const folder = folderOf(bus)
    for (const role of ROLES) children.push(start(folder, [role]))
    const check = async (role: RoleName, started: Started) => {
      await saysItIsUp(role, started)
      for (const text of [
        ...SAYS[role],
        `${broker.brokers}, 2 partitions a topic`,
        `${folder}/eastwatch-data/${role}`,
      ]) {
        expect(started.out()).toContain(text)
      }
      expect(started.out().includes('Start it again elsewhere')).toBe(role !== 'storage')
      const health = /(http:\S+)\/readyz/.exec(started.out())![1]!
      await until(async () => (await fetch(`${health}/readyz`)).status === 200)
    }
    for (const [i, role] of ROLES.entries()) await check(role, children[i]!)

    // The console reads what another process stores.
    const [, url] = /ClickHouse +(http:\S+)/.exec(children[0]!.out())!
    writeFileSync(join(folder, 'console.yaml'), stringify({ ...FREE_PORTS, bus, storage: { url } }))
    const console = start(folder, ['console', '--config', 'console.yaml'])
    children.push(console)
    await check('console', console)
    const [, reached] = /Look at it +(http:\S+)/.exec(console.out())!
    const silences = (...args: string[]) => eastwatch(folder, ['silences', ...args, '--url', reached!])
    const matcher = 'destination="payment.shop"'
    const added = await silences('add', matcher, '--for', '1h', '--reason', 'a move of data')
    expect(added).toMatchObject({ code: 0, err: '' })
    await until(async () => (await silences()).out.includes(matcher), 60_000)

    await stopAll(ALL_ROLES.map((role, i) => [role, children[i]!]))
    expect(runningIn(folder)).toEqual([])
  }, 300_000)

  it('console needs storage.url, and says so', async () => {
    const folder = folderOf(onKafka())
    const { code, out, err } = await eastwatch(folder, ['console'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('storage.url is needed: the console reads the store, and runs apart from it')
    expect(runningIn(folder)).toEqual([])
  }, 60_000)

  it('refuse to run without Kafka, and say what does', async () => {
    const folder = folderOf({})
    for (const role of ALL_ROLES) {
      const { code, out, err } = await eastwatch(folder, [role])
      expect({ role, code, out }).toEqual({ role, code: 2, out: '' })
      expect(err).toContain(`bus.kafka is needed to run ${role} alone: 'eastwatch up' runs everything`)
    }
    expect(runningIn(folder)).toEqual([])
  }, 60_000)
})
