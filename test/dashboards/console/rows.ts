/** Rows of the store's tables, for the tests of the console. */
import type { TestStore } from '../../storage/store.ts'

export interface Pair {
  source_identity: string
  source_namespace: string
  source_workload: string
  source_address: string
  destination_service: string
}

export function pair(source: string, destination: string, namespace = 'shop'): Pair {
  return {
    source_identity: `cluster.local/ns/${namespace}/sa/${source}`,
    source_namespace: namespace,
    source_workload: source,
    source_address: '',
    destination_service: destination,
  }
}

/** `end`: seconds since the epoch. */
export function windowRow(end: number, key: Pair, more: Record<string, unknown> = {}): object {
  const namespace = key.destination_service.split('.')[1] ?? ''
  const identity = `cluster.local/ns/${namespace}/sa/${key.destination_service.split('.')[0]}`
  return {
    start: end - 10,
    end,
    trust: 'verified',
    ...key,
    source_known_by: 'identity',
    destination_namespace: namespace,
    destination_identities: [identity],
    reporter: 'destination',
    requests: 50,
    ok: 50,
    gap_samples: 40,
    gap_p50_us: 700,
    destination_samples: 50,
    destination_p95_us: 12_000,
    batch: 'test',
    ...more,
  }
}

export function pathRow(end: number, key: Pair, more: Record<string, unknown> = {}): object {
  const times = { end, first: `${end - 60}.000000`, last: `${end}.000000` }
  return {
    ...times,
    trust: 'verified',
    ...key,
    method: 'GET',
    route: '/',
    requests: 300,
    allowed: 300,
    batch: 'test',
    ...more,
  }
}

export function findingRow(end: number, key: Pair, more: Record<string, unknown> = {}): object {
  const times = { window_start: `${end - 10}.000000`, window_end: `${end}.000000` }
  const what = {
    detector: 'denial_spike',
    kind: 'rate',
    severity: 'high',
    summary: 'denied',
    observed: 40,
    expected: 0.5,
    unit: 'denials',
  }
  return {
    id: `f${end}${key.source_workload}`,
    ...times,
    ...key,
    ...what,
    detectable: 5,
    evidence: '{}',
    batch: 'test',
    ...more,
  }
}

export function insertRows(store: TestStore, table: string, values: readonly object[]): Promise<unknown> {
  return store.client.insert({ table, values: [...values], format: 'JSONEachRow' })
}
