/** A fleet with all that it needs: Kafka, and behind a proxy one ClickHouse that several processes of storage share. */
import { randomUUID } from 'node:crypto'
import type { PipelineRole } from '../../cli/roles/role.ts'
import type { TOPIC } from '../../core/bus/topics.ts'
import type { OwnBroker } from '../kafka/broker.ts'
import { Fleet } from '../kafka/fleet.ts'
import { openStore, READER_PASSWORD, type TestStore } from '../storage/store.ts'
import { StoreFront } from './store-front.ts'

/** The shortest there may be. */
export const SESSION_MS = 6000
/** What the tests ask is more than people may. */
const LIMITS = { maxSeconds: 120, maxResultRows: 10_000_000, maxResultBytes: 1024 ** 3, maxMemoryBytes: 1024 ** 3 }

export interface SiteOptions {
  broker: OwnBroker
  partitions: number
  counts: Readonly<Record<PipelineRole, number>>
  startUs: number
}

/** What can be hurt. */
export class Site {
  readonly broker: OwnBroker
  readonly prefix: string
  readonly partitions: number
  /** Between the processes of storage and the store. */
  readonly store: StoreFront
  readonly fleet: Fleet
  readonly #server: TestStore

  private constructor(
    { broker, partitions }: SiteOptions,
    prefix: string,
    server: TestStore,
    store: StoreFront,
    fleet: Fleet,
  ) {
    this.broker = broker
    this.partitions = partitions
    this.prefix = prefix
    this.#server = server
    this.store = store
    this.fleet = fleet
  }

  static async open(options: SiteOptions): Promise<Site> {
    const { broker, partitions, counts, startUs } = options
    const prefix = `${randomUUID()}.`
    const server = await openStore(undefined, LIMITS)
    const store = await StoreFront.before(server.embedded.url)
    const kafka = { brokers: [broker.brokers], prefix, replicationFactor: 1, sessionTimeoutMs: SESSION_MS }
    const { username, password } = server.embedded
    const storage = { url: store.url, username, password, readerPassword: READER_PASSWORD }
    try {
      const fleet = await Fleet.start({ bus: { partitions, kafka }, storage }, counts, startUs)
      return new Site(options, prefix, server, store, fleet)
    } catch (error) {
      await store.stop()
      await server.stop()
      throw error
    }
  }

  /** The topic's name in Kafka. */
  topic(name: (typeof TOPIC)[keyof typeof TOPIC]): string {
    return this.prefix + name
  }

  /** What the store has, asked as its own writer. */
  rows(sql: string): Promise<Record<string, unknown>[]> {
    return this.#server.rows(sql)
  }

  /** Whatever state it is in: nothing is left of it but the broker. */
  async end(): Promise<void> {
    this.broker.resume()
    await this.fleet.end()
    await this.store.stop()
    await this.#server.stop()
  }
}
