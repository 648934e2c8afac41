/** The commands that run one role as a process of its own, as they were built, on a real Kafka. */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { ROLES } from '../../cli/roles/role.ts'
import { eastwatch, FREE_PORTS, folderWith, runningIn, type Started, start, stopAll, until } from '../cli/command.ts'
import { noPipeline } from '../e2e/pipeline.ts'
import { type Broker, startBroker } from './broker.ts'

const started = await startBroker()
if ('missing' in started) console.log(`tests of the commands of roles are skipped: ${started.missing}`)
const broker = started as Broker
const SAYS = {
  collector: ["Eastwatch's collector is up.", 'Send access logs to   port', 'Declared objects'],
  detectors: ["Eastwatch's detectors are up."],
  storage: ["Eastwatch's storage is up.", 'ClickHouse            http://127.0.0.1:', 'one process of storage only'],
  alerts: ["Eastwatch's alerts are up.", 'nobody yet; name a receiver: docs/alerts.md'],
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

  it('run side by side from one file, say where they are, and stop cleanly when told', async () => {
    const kafka = { brokers: [broker.brokers], prefix: `${randomUUID()}.`, replicationFactor: 1 }
    const folder = folderOf({ partitions: 2, kafka })
    for (const role of ROLES) children.push(start(folder, [role]))
    for (const [i, role] of ROLES.entries()) {
      const { out, err, ended } = children[i]!
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
      for (const text of [
        ...SAYS[role],
        `${broker.brokers}, 2 partitions a topic`,
        `${folder}/eastwatch-data/${role}`,
      ]) {
        expect(out()).toContain(text)
      }
      expect(out().includes('Start it again elsewhere')).toBe(role !== 'storage')
      const health = /(http:\S+)\/readyz/.exec(out())![1]!
      await until(async () => (await fetch(`${health}/readyz`)).status === 200)
    }
    await stopAll(ROLES.map((role, i) => [role, children[i]!]))
    expect(runningIn(folder)).toEqual([])
  }, 300_000)

  it('refuse to run without Kafka, and say what does', async () => {
    const folder = folderOf({})
    for (const role of ROLES) {
      const { code, out, err } = await eastwatch(folder, [role])
      expect({ role, code, out }).toEqual({ role, code: 2, out: '' })
      expect(err).toContain(`bus.kafka is needed to run ${role} alone: 'eastwatch up' runs everything`)
    }
    expect(runningIn(folder)).toEqual([])
  }, 60_000)
})
