/**
 * Whether new records are taken: Kafka drops records by age or size whoever has read them, so senders wait when a group that must have read
 * them is past four fifths of the way there.
 */
import kafkajs from 'kafkajs'
import { PipelineError } from '../../errors.ts'
import type { RequiredGroup } from '../bus.ts'
import type { Names } from './names.ts'
import type { SerialAdmin } from './serial-admin.ts'

const SHARE = 0.8
/** How often it looks. */
const LOOK_MS = 5000
const RETRY_AFTER_MS = 5000

interface Retention {
  /** Of time in milliseconds, and of bytes in a partition; -1 for none. */
  ms: number
  bytes: number
}

export class Room {
  readonly #admin: SerialAdmin
  readonly #names: Names
  readonly #required: readonly RequiredGroup[]
  #look: Promise<string | undefined> = Promise.resolve(undefined)
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(admin: SerialAdmin, names: Names, required: readonly RequiredGroup[]) {
    this.#admin = admin
    this.#names = names
    this.#required = required
  }

  /** Throws `bus_full` where a required group is too far behind, `bus_unavailable` where Kafka does not say. */
  async require(): Promise<void> {
    if (this.#required.length === 0) return
    if (performance.now() - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = performance.now()
      this.#look = this.#excess()
    }
    const reason = await this.#look.catch((error: unknown) => {
      // The next one asks again.
      this.#lookedAt = Number.NEGATIVE_INFINITY
      throw error
    })
    if (reason === undefined) return
    throw new PipelineError('bus_full', `no new records are taken: ${reason}`, {
      retriable: true,
      retryAfterMs: RETRY_AFTER_MS,
    })
  }

  async #excess(): Promise<string | undefined> {
    const topics = [...new Set(this.#required.map(({ topic }) => topic))]
    for (const topic of topics) {
      const reason = await this.#excessOf(topic)
      if (reason !== undefined) return reason
    }
    return undefined
  }

  async #excessOf(topic: string): Promise<string | undefined> {
    const name = this.#names.topic(topic)
    const { ms, bytes } = await this.#retention(name)
    const bounds = await this.#admin.ask((admin) => admin.fetchTopicOffsets(name))
    const due = Math.floor(Date.now() - SHARE * ms)
    const old = ms < 0 ? [] : await this.#admin.ask((admin) => admin.fetchTopicOffsetsByTimestamp(name, due))
    const dueByAge = new Map(old.map(({ partition, offset }) => [partition, Number(offset)]))
    for (const { group } of this.#required.filter((one) => one.topic === topic)) {
      const groupId = this.#names.group({ topic, group })
      const [committed] = await this.#admin.ask((admin) => admin.fetchOffsets({ groupId, topics: [name] }))
      for (const { partition, low, high } of bounds) {
        const own = committed!.partitions.find((one) => one.partition === partition)
        const [start, end] = [Number(low), Number(high)]
        const kept = own === undefined || Number(own.offset) < 0 ? start : Number(own.metadata || own.offset)
        const where = `group ${group} of ${topic}/${partition}`
        if (kept < (dueByAge.get(partition) ?? 0)) {
          return `${where} has not read what Kafka drops soon, past ${SHARE * 100} % of retention.ms ${ms}`
        }
        // By size something is dropped already: what remains is about all there may be.
        if (bytes >= 0 && start > 0 && kept - start < (1 - SHARE) * (end - start)) {
          return `${where} has not read what Kafka drops soon, past ${SHARE * 100} % of retention.bytes ${bytes}`
        }
      }
    }
    return undefined
  }

  async #retention(name: string): Promise<Retention> {
    const configNames = ['retention.ms', 'retention.bytes']
    const topic = { type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames }
    const { resources } = await this.#admin.ask((admin) =>
      admin.describeConfigs({ resources: [topic], includeSynonyms: false }),
    )
    const numberOf = (key: string) =>
      Number(resources[0]?.configEntries.find(({ configName }) => configName === key)?.configValue ?? -1)
    return { ms: numberOf('retention.ms'), bytes: numberOf('retention.bytes') }
  }
}
