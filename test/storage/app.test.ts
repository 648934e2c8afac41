/** The role as a whole, on a bus in memory: every topic into its tables; the documented queries over them; ad-hoc queries. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeRejected } from '../../collector/rejected.ts'
import type { Batch, Bus, ProcessOptions } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { SECOND } from '../../core/clock.ts'
import { encodeTick } from '../../core/tick.ts'
import { encodeFinding, type Finding } from '../../detectors/detector.ts'
import { encodeWindows, type PairWindow } from '../../detectors/window.ts'
import { runStorage, STORAGE_GROUPS } from '../../storage/app.ts'
import { StorageConfig } from '../../storage/config.ts'
import { encodeAlertRecord, type IncidentRecord } from '../../storage/incident-records.ts'
import { coverageSql } from '../../storage/queries/coverage.ts'
import { openReader, runQuery } from '../../storage/query.ts'
import { enforceMaxBytes } from '../../storage/retention.ts'
import { blockOf } from './calls.ts'
import { ENTRY, noEngine, openStore, quiet, READER_PASSWORD, type TestStore } from './store.ts'

const tick = (seq: number, time: number) => encodeTick({ producer: 'test', seq, time, leave: false })
const NOW = Date.now() * 1000

const finding: Finding = {
  id: 'f'.repeat(32),
  detector: 'denial_spike',
  kind: 'rate',
  severity: 'high',
  key: {
    sourceIdentity: 'spiffe://c/ns/shop/sa/a',
    sourceWorkload: 'a',
    sourceNamespace: 'shop',
    sourceAddress: '',
    destinationIdentity: '',
    destinationService: 'payments.shop',
    operation: '',
  },
  fingerprint: 'a'.repeat(32),
  cause: 'x',
  windowStart: NOW - 10 * SECOND,
  windowEnd: NOW,
  quietUs: 1,
  summary: 'half a pair \ud83d and "quotes"\n',
  evidence: {
    observed: 12,
    expected: Number.NaN,
    unit: 'denials',
    p: 1e-9,
    detectable: null,
    baselineSamples: 100,
    baselineSince: NOW,
    dispersion: null,
    firstSeen: NOW,
    lastSeen: NOW,
    verdict: '',
    blind: '',
    examples: [],
    facts: { a: 1 },
    sql: 'SELECT 1',
  },
  technique: 'T1110',
}

function incident(version: number): IncidentRecord {
  return {
    type: 'incident',
    id: 'i1',
    fingerprint: 'a',
    version,
    status: 'open',
    detector: 'denial_spike',
    kinds: ['rate', 'scan'],
    severity: 'high',
    cause: '',
    summary: `version ${version}`,
    sourceIdentity: '',
    sourceWorkload: '',
    sourceNamespace: '',
    destinationNamespace: 'shop',
    sources: ['cart'],
    destinations: ['payments.shop'],
    resolvedBy: '',
    acknowledgedBy: 'ada',
    acknowledgedAt: 3,
    silencedBy: '',
    silencedUntil: 0,
    acceptedUntil: 0,
    destinationService: 'payments.shop',
    operation: '',
    verdict: '',
    openedAt: NOW,
    updatedAt: NOW + version,
    resolvedAt: 0,
    reopened: 0,
    findings: version,
    lastFindingId: '',
    evidence: '{}',
  }
}

function window(n: number): PairWindow {
  return {
    trust: 'verified',
    pair: {
      sourceIdentity: `id-${n % 2}`,
      sourceWorkload: '',
      sourceNamespace: '',
      sourceAddress: '',
      destinationService: 'payments.shop',
    },
    key: '',
    start: NOW - 10 * SECOND,
    end: NOW,
    destinationIdentities: ['x'],
    destinationNamespace: 'shop',
    peerIssuers: [],
    sourceKnownBy: 'identity',
    tallies: [
      {
        reporter: 'destination',
        outcomes: [5, 1, 0, 2, 0, 0],
        connections: 1,
        plaintext: 0,
        mutual: 8,
        bytesReceived: 10,
        bytesSent: 20,
        durationUs: 30,
      },
      {
        reporter: 'source',
        outcomes: [6, 1, 0, 2, 0, 1],
        connections: 0,
        plaintext: 0,
        mutual: 8,
        bytesReceived: 11,
        bytesSent: 21,
        durationUs: 31,
      },
    ],
    denials: [{ reporter: 'destination', kind: 'rbac', policy: 'p', rule: 'r', count: 2, first: NOW, last: NOW }],
    tls: [],
    mismatches: [],
    paths: [
      {
        method: 'GET',
        route: '/orders/{id}',
        bySource: 9,
        byDestination: 8,
        notFound: 0,
        denied: 2,
        forbidden: 0,
        forbiddenOk: 0,
        forbiddenOkBySource: 0,
        allowed: 6,
        reason: '',
        first: NOW - 5 * SECOND,
        last: NOW,
      },
    ],
    overflow: { paths: 0, denials: 0, tls: 0, mismatches: 0 },
    latency: {
      source: { samples: 3, mean: 1, q10: 1, q25: 2, q50: 3, q95: 4.5, stepUs: 1 },
      destination: null,
      gap: { samples: 2, mean: 1, q10: -1, q25: 0, q50: 2.5, q95: 3, stepUs: 1 },
      ambiguous: 0,
    },
    examples: {},
    first: NOW,
    last: NOW,
    incomplete: false,
  } as PairWindow
}

const LOGS: Record<string, Uint8Array[]> = {
  [TOPIC.calls]: [
    blockOf(1, 0, 100, NOW - SECOND),
    blockOf(1, 0, 100, NOW - SECOND),
    blockOf(2, 100, 11, NOW - SECOND),
  ],
  [TOPIC.findings]: [encodeFinding(finding)],
  [TOPIC.windows]: [
    encodeWindows({ partition: 0, end: NOW, windows: [window(0), window(1)] }),
    encodeWindows({ partition: 0, end: NOW, windows: [window(2)] }),
  ],
  [TOPIC.incidents]: [
    encodeAlertRecord(incident(1)),
    encodeAlertRecord(incident(2)),
    encodeAlertRecord({
      type: 'notification',
      id: 'n',
      incidentId: 'i1',
      incidentVersion: 1,
      receiver: 'r',
      reason: 'first',
      status: 'sent',
      attempt: 1,
      at: NOW,
      detail: '',
    }),
    encodeAlertRecord({ type: 'audit', id: 'a', at: NOW, actor: 'me', action: 'ack', subject: 'i1', detail: '' }),
  ],
  [TOPIC.rejected]: [0, 1].map(() =>
    encodeRejected([
      {
        received: NOW,
        sender: 's',
        trust: 'claimed',
        signal: 'logs',
        delivery: 'd1',
        position: 4,
        reason: 'no_destination',
        detail: 'x',
        sample: '\ud800\u0000',
      },
    ]),
  ),
}

/** One partition; ticks behind the records where the topic has them. */
function staticBus(done: () => void): Bus {
  const open = new Set(STORAGE_GROUPS.map(({ group }) => group))
  return {
    partitions: () => 1,
    publish: async () => {},
    lag: async () => [],
    close: async () => {},
    process: async ({ topic, group, start, signal }: ProcessOptions) => {
      const ticks = topic === TOPIC.rejected ? [] : Array.from({ length: 100 }, (_, n) => tick(n + 1, NOW + n * SECOND))
      const values = [...(LOGS[topic] ?? []), ...ticks]
      const processor = await start({ topic, partition: 0, logId: 'log', committed: 0, state: [] })
      const records = values.map((value, offset) => ({ offset, value }))
      for (const record of records)
        await processor.step({ topic, partition: 0, records: [record] } satisfies Batch, signal)
      const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      open.delete(group)
      if (open.size === 0) done()
      await stopped
    },
  }
}

describe.skipIf(noEngine())('the storage role', () => {
  let store: TestStore
  const config = StorageConfig.parse({ readerPassword: READER_PASSWORD })
  beforeAll(async () => {
    store = await openStore()
    const abort = new AbortController()
    await runStorage({ config, bus: staticBus(() => abort.abort()), client: store.store, logger: quiet }, abort.signal)
  })
  afterAll(() => store.stop())

  it('brings each topic into its tables', async () => {
    expect(await store.rows('SELECT count() AS n, uniqExact(request_id) AS ids FROM calls')).toEqual([
      { n: 111, ids: 111 },
    ])
    expect(await store.rows('SELECT id, observed, p, toUnixTimestamp64Micro(window_end) AS at FROM findings')).toEqual([
      { id: finding.id, observed: 12, p: 1e-9, at: NOW },
    ])
    expect(await store.rows('SELECT version, kinds, summary FROM incidents FINAL')).toEqual([
      { version: 2, kinds: ['rate', 'scan'], summary: 'version 2' },
    ])
    expect(await store.rows('SELECT receiver, status FROM notifications')).toEqual([{ receiver: 'r', status: 'sent' }])
    expect(await store.rows('SELECT actor, action FROM audit')).toEqual([{ actor: 'me', action: 'ack' }])
    expect(await store.rows('SELECT delivery, position, reason FROM rejected FINAL')).toEqual([
      { delivery: 'd1', position: 4, reason: 'no_destination' },
    ])
  })

  it('windows are counted once; paths are summed over a batch', async () => {
    expect(
      await store.rows(
        'SELECT requests, ok, denied, connect_failures, handshakes, bytes_received, gap_p10_us, denials.policy AS policies FROM windows LIMIT 1',
      ),
    ).toEqual([
      {
        requests: 9,
        ok: 5,
        denied: 2,
        connect_failures: 1,
        handshakes: 1,
        bytes_received: 10,
        gap_p10_us: -1,
        policies: ['p'],
      },
    ])
    expect(await store.rows('SELECT source_identity, requests, denied FROM paths ORDER BY source_identity')).toEqual([
      { source_identity: 'id-0', requests: 16, denied: 4 },
      { source_identity: 'id-1', requests: 8, denied: 2 },
    ])
  })

  const documented = [
    ...readFileSync(join(import.meta.dirname, '../../docs/sql.md'), 'utf8').matchAll(/^```sql\n(.*?)^```/gms),
  ]
  it.each(documented.map((match) => match[1]!))('the documented query runs: %s', async (sql) => {
    const text = await runQuery({ config: { dataFolder: store.folder, storage: config }, sql, format: 'table' })
    expect(text).not.toContain('Exception')
  })

  it('twenty queries and more are documented', () => {
    expect(documented.length).toBeGreaterThanOrEqual(20)
  })

  it('the coverage query of the doctor runs', async () => {
    const reader = await openReader({ dataFolder: store.folder, storage: config })
    const facts = await reader.rows<{ service: string }>(coverageSql(1))
    expect(facts.length).toBe(5)
    await reader.close()
  })

  it('hostile text cannot steer the terminal, and errors are in ClickHouse’s words', async () => {
    const ask = (sql: string) =>
      runQuery({ config: { dataFolder: store.folder, storage: config }, sql, format: 'table' })
    const answer = await ask("SELECT 'a\\x1b[31mb' AS x, '\u202e' AS y")
    expect(answer).toContain('a?[31mb')
    expect(answer).not.toContain('\u202e')
    await expect(ask('SELECT nothing')).rejects.toMatchObject({
      code: 'bad_input',
      message: expect.stringContaining('Code: 47'),
    })
    await expect(ask('DROP TABLE calls')).rejects.toMatchObject({ code: 'bad_input' })
  })

  it('past its size the store drops the oldest hours of calls, never the newest', async () => {
    const hours = () =>
      store.rows<{ n: number }>(
        "SELECT count(DISTINCT partition) AS n FROM system.parts WHERE table = 'calls' AND active",
      )
    for (const [n, back] of [5, 4, 3].entries()) {
      const at = NOW - back * 3600 * SECOND
      const sql = `INSERT INTO eastwatch.calls (end, received, request_id) SELECT fromUnixTimestamp64Micro(${at}), fromUnixTimestamp64Micro(${at}), 'old-${n}-' || number FROM numbers(1000)`
      await store.store.command(sql)
    }
    const before = (await hours())[0]!.n
    expect(await enforceMaxBytes(store.store, 1024 ** 4, quiet)).toEqual([])
    const gone = await enforceMaxBytes(store.store, 1, quiet)
    expect(gone).toHaveLength(before - 1)
    expect(gone).toEqual([...gone].sort())
    expect(await hours()).toEqual([{ n: 1 }])
    expect(await store.rows("SELECT count() AS n FROM calls WHERE request_id LIKE 'old-%'")).toEqual([{ n: 0 }])
  })

  it('a query is answered when nothing runs: the store is started for it', async () => {
    await store.embedded.stop()
    const options = { config: { dataFolder: store.folder, storage: config }, entry: ENTRY }
    expect(await runQuery({ ...options, sql: 'SELECT count() AS n FROM findings', format: 'json' })).toBe('{"n":1}\n')
    await expect(
      runQuery({ ...options, config: { ...options.config, dataFolder: '/nowhere' }, sql: 'SELECT 1', format: 'json' }),
    ).rejects.toMatchObject({ code: 'folder_unusable', message: expect.stringContaining('/nowhere') })
  })
})
