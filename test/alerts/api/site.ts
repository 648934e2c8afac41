/** The API on a real store, with a bus in memory: what was published is there to be read, and takes effect as the alerts role has it. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import express from 'express'
import { Access } from '../../../alerts/api/access.ts'
import type { TokenConfig } from '../../../alerts/api/config.ts'
import type { ApiContext, Operation } from '../../../alerts/api/operation.ts'
import { API, apiRouter } from '../../../alerts/api/router.ts'
import { makeToken } from '../../../alerts/api/tokens.ts'
import { applyFinding } from '../../../alerts/incident.ts'
import { startIncidents } from '../../../alerts/incidents.ts'
import { parseMatcher } from '../../../alerts/matcher.ts'
import { type Action, decodeAction, type OperatorRole } from '../../../core/action.ts'
import type { Publication } from '../../../core/bus/bus.ts'
import { TOPIC } from '../../../core/bus/topics.ts'
import { PipelineError } from '../../../core/errors.ts'
import { Health } from '../../../core/telemetry/health.ts'
import { OPERATIONS } from '../../../dashboards/console/operations.ts'
import { StorageConfig } from '../../../storage/config.ts'
import {
  type AlertRecord,
  decodeAlertRecord,
  type IncidentRecord,
  type SilenceRecord,
} from '../../../storage/incident-records.ts'
import { connectReader } from '../../../storage/query.ts'
import { alertRow } from '../../../storage/sinks/incidents.ts'
import { openMigrated, READER_PASSWORD, type TestStore } from '../../storage/store.ts'
import { finding, quietLogger } from '../findings.ts'

export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON there is
  json: any
}

export class Site {
  readonly store: TestStore
  readonly actions: Action[] = []
  /** The bus takes nothing while it is true. */
  isBusAway = false
  /** What the bus has taken has no effect yet while it is true. */
  isBehind = false
  /** What was stored of incidents and silences, by id, in the newest version. */
  readonly #known = new Map<string, IncidentRecord | SilenceRecord>()
  readonly tokens: Record<string, string> = {}
  readonly health = new Health()
  /** As the configuration would have them. */
  readonly people: TokenConfig[]
  readonly context: ApiContext
  readonly #server: Server

  /** `people`: name to role and namespaces; none: the API is open. */
  static async open(people: Record<string, [OperatorRole, ...string[]]> = {}, operations = OPERATIONS): Promise<Site> {
    const store = await openMigrated()
    const site = new Site(store, people, operations)
    await once(site.#server, 'listening')
    return site
  }

  private constructor(
    store: TestStore,
    people: Record<string, [OperatorRole, ...string[]]>,
    operations: readonly Operation[],
  ) {
    this.store = store
    this.people = Object.entries(people).map(([name, [role, ...namespaces]]) => {
      const { token, sha256 } = makeToken()
      this.tokens[name] = token
      return { name, role, namespaces, sha256 }
    })
    const config = StorageConfig.parse({ readerPassword: READER_PASSWORD })
    const reader = connectReader(config, { url: store.embedded.url })
    this.context = {
      store: reader,
      bus: { publish: this.#publish },
      health: () => this.health.read(),
      now: () => Date.now() * 1000,
    }
    const app = express()
    const access = new Access(this.people)
    app.use(
      API,
      apiRouter({ operations, access, context: this.context, secure: false, version: '1.2.3', logger: quietLogger }),
    )
    this.#server = createServer(app).listen(0, '127.0.0.1')
  }

  get url(): string {
    const { port } = this.#server.address() as { port: number }
    return `http://127.0.0.1:${port}${API}`
  }

  async ask(
    method: string,
    path: string,
    options: { as?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { as, body, headers = {} } = options
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(as === undefined ? {} : { authorization: `Bearer ${this.tokens[as]}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) }
  }

  async insert(...records: AlertRecord[]): Promise<void> {
    for (const one of records) if (one.type === 'incident' || one.type === 'silence') this.#known.set(one.id, one)
    for (const { table, values } of records.map(alertRow)) {
      await this.store.client.insert({ table, values: [{ ...values, batch: 'test' }], format: 'JSONEachRow' })
    }
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await this.context.store.close()
    await this.store.stop()
  }

  readonly #publish = async (records: readonly Publication[]): Promise<void> => {
    if (this.isBusAway) throw new PipelineError('bus_unavailable', 'Kafka: no broker answers', { retriable: true })
    this.actions.push(...records.map(({ value }) => decodeAction(value)!))
    if (!this.isBehind) await this.insert(...(await effectsOf(records, [...this.#known.values()])))
  }
}

/** Tests store silences that no processor would have made. */
function isPossible(record: IncidentRecord | SilenceRecord): boolean {
  try {
    if (record.type === 'silence') record.matchers.forEach(parseMatcher)
    return true
  } catch {
    return false
  }
}

/** What the processor of incidents publishes upon these records, where it knows those. */
async function effectsOf(
  published: readonly Publication[],
  known: readonly (IncidentRecord | SilenceRecord)[],
): Promise<AlertRecord[]> {
  const state = known.filter(isPossible).map((record): [string, Uint8Array] => {
    const isSilence = record.type === 'silence'
    const value = isSilence ? record : { ...applyFinding(undefined, finding(10), 0)[0]!, record }
    return [isSilence ? `silence/${record.id}` : `incident/${record.fingerprint}`, Buffer.from(JSON.stringify(value))]
  })
  const place = { topic: TOPIC.findings, partition: 0 }
  const processor = await startIncidents(
    { ...place, logId: 'log', committed: 0, state },
    { producers: ['stage1/0'], reopenUs: 0, maxIncidents: 1_000, logger: quietLogger },
  )
  const records = published.map(({ value }, offset) => ({ offset, value }))
  const result = await processor.step({ ...place, records }, new AbortController().signal)
  return result!.publish!.map(({ value }) => decodeAlertRecord(value)!)
}
