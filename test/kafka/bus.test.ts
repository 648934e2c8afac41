/** The contract of the bus on a real Kafka. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import type { TopicSpec } from '../../core/bus/bus.ts'
import { type KafkaBus, openKafkaBus } from '../../core/bus/kafka/kafka-bus.ts'
import { type BusUnderTest, describeBusContract } from '../core/bus/contract.ts'
import { type Broker, startBroker } from './broker.ts'
import { Network } from './network.ts'

const started = await startBroker()
if ('missing' in started) console.log(`tests of the bus on a real Kafka are skipped: ${started.missing}`)
const broker = started as Broker

const SESSION_TIMEOUT_MS = 1500

async function makeKafkaBus(topics: TopicSpec[]): Promise<BusUnderTest> {
  const prefix = `${randomUUID()}.`
  const opened: { bus: KafkaBus; network: Network }[] = []
  const open = async () => {
    const network = new Network()
    const reach = { brokers: [broker.brokers], socketFactory: network.socketFactory }
    const sessionTimeoutMs = SESSION_TIMEOUT_MS
    // Whoever goes on after a crash may do so on another machine, without a copy of the state.
    const folder = mkdtempSync(join(tmpdir(), 'eastwatch-state-'))
    const bus = await openKafkaBus({ reach, prefix, folder, topics, replicationFactor: 1, sessionTimeoutMs })
    opened.push({ bus, network })
    return bus
  }
  return {
    bus: await open(),
    reopen() {
      opened.at(-1)!.network.cut()
      return open()
    },
    async close() {
      await opened.at(-1)!.bus.close()
    },
  }
}

describe.skipIf('missing' in started)('on a real Kafka', { timeout: 300_000 }, () => {
  afterAll(() => broker.stop())
  describeBusContract('Kafka', makeKafkaBus)
})
