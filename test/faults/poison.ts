/**
 * Records that nobody of Eastwatch wrote, in every partition of every topic: an empty one, bytes of chance, and for each kind of record
 * what begins like one. Whoever reads them passes them over and says so; none stops for them.
 */
import { Kafka, logLevel } from 'kafkajs'
import { TOPIC } from '../../core/bus/topics.ts'
import { seeded } from '../../demo/random.ts'
import type { Fault } from './fault.ts'

/** Ticks, blocks of calls, windows, findings, changes of incidents, rejected records, learned names. */
const BEGINNINGS = ['EWT1', 'EWB1', 'EWW2', 'EWF1', 'EWI1', 'EWR1', 'EWN1']

export const poison: Fault = {
  name: 'poison',
  async inject(site, choice) {
    const random = seeded(Math.floor(choice * 0x1_0000_0000))
    const chance = () => Buffer.from(random.hex(64), 'hex')
    const values = [null, chance(), ...BEGINNINGS.map((four) => Buffer.concat([Buffer.from(four), chance()]))]
    const kafka = new Kafka({ brokers: [site.broker.brokers], logLevel: logLevel.NOTHING })
    const [admin, producer] = [kafka.admin(), kafka.producer()]
    await Promise.all([admin.connect(), producer.connect()])
    try {
      for (const name of Object.values(TOPIC).map((one) => site.topic(one))) {
        const partitions = await admin.fetchTopicOffsets(name)
        const messages = partitions.flatMap(({ partition }) => values.map((value) => ({ partition, value })))
        await producer.send({ topic: name, messages })
      }
    } finally {
      await Promise.all([admin.disconnect(), producer.disconnect()])
    }
  },
  told: ['record_unreadable'],
}
