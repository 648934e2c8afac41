/** Calls for the benchmarks of the store, and their way into it. */
import { type Call, emptyCall } from '../core/call.ts'
import { SECOND } from '../core/clock.ts'
import type { Store } from '../storage/clickhouse.ts'
import { streamOf } from '../storage/sink.ts'
import { callsSink } from '../storage/sinks/calls.ts'

/** As the sink inserts: one Native insert for each partition. */
export async function insertCalls(store: Store, blocks: readonly Uint8Array[], batch: string): Promise<void> {
  const gatherer = callsSink.gatherer(undefined)
  for (const block of blocks) gatherer.add(block)
  for (const { table, format, columns, body, group } of gatherer.inserts()) {
    const token = `${batch}-${group}`
    await store.insert({ table, format, columns: [...columns, 'batch'], token, body: streamOf(body(batch)) })
  }
}

/** One call of 200 pairs and 40 routes, that ends within the second from `at` on; the same for the same `n`. */
export function callOf(n: number, at: number): Call {
  const hash = Math.imul(n + 1, 0x9e3779b1) >>> 0
  const pair = hash % 200
  const duration = 500 + (hash % 20_011)
  return {
    ...emptyCall(),
    reporter: 'source',
    reporterPod: `pod-${pair}-${hash % 3}`,
    sourceIdentity: `spiffe://cluster.local/ns/shop/sa/client-${pair % 20}`,
    sourceIdentityOrigin: 'record',
    sourceService: `client-${pair % 20}.shop`,
    sourceServiceOrigin: 'inventory',
    sourceNamespace: 'shop',
    sourceAddress: `10.0.${pair % 20}.${hash % 3}`,
    sourcePort: 30_000 + (hash % 20_000),
    destinationIdentity: `spiffe://cluster.local/ns/shop/sa/server-${Math.floor(pair / 20)}`,
    destinationIdentityOrigin: 'record',
    destinationService: `server-${Math.floor(pair / 20)}.shop`,
    destinationServiceOrigin: 'record',
    destinationNamespace: 'shop',
    destinationAddress: `10.1.0.${Math.floor(pair / 20)}`,
    destinationPort: 8080,
    protocol: 'http',
    method: hash % 4 === 0 ? 'POST' : 'GET',
    path: `/api/v1/orders/${hash % 100_000}`,
    route: `/api/v1/orders/{id}/${hash % 4}`,
    status: hash % 50 === 0 ? 503 : 200,
    outcome: hash % 50 === 0 ? 'server_error' : 'ok',
    tlsState: 'mutual',
    tlsVersion: 'TLSv1.3',
    decision: 'allowed',
    start: at + (hash % SECOND) - duration,
    end: at + (hash % SECOND),
    durationUs: duration,
    durationStepUs: 1,
    bytesReceived: hash % 2000,
    bytesSent: hash % 9000,
    attempts: 1,
    format: 'envoy_otlp',
    sender: `10.0.${pair % 20}.${hash % 3}`,
    trust: 'verified',
    received: at + SECOND,
  }
}
