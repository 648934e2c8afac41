/** The field reader against protobufjs' generated decoder on the same bytes: 500 Envoy-like records of 20 attributes. */
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import protobuf from 'protobufjs'
import { DEFAULT_LIMITS } from '../collector/otlp/limits.ts'
import { readLogs } from '../collector/otlp/read-logs.ts'
import { readLogsJson } from '../collector/otlp/read-logs-json.ts'
import type { Row } from './row.ts'

const RECORDS = 500
const ROUNDS = 5
const ROUND_MS = 800

export async function benchReader(): Promise<Row[]> {
  const type = protobuf
    .loadSync(join(import.meta.dirname, 'otlp-logs.proto'))
    .lookupType('otlp.ExportLogsServiceRequest')
  const body = Buffer.from(type.encode(type.create(request())).finish())
  const json = Buffer.from(JSON.stringify(type.toObject(type.decode(body), { longs: String, bytes: String })))
  const decoders = {
    'field reader': () => readLogs(body, DEFAULT_LIMITS, () => {}),
    'protobufjs decoder': () => type.decode(body),
    'field reader, JSON': () => readLogsJson(json, DEFAULT_LIMITS, () => {}),
  }
  const rates = measureTurnByTurn(Object.values(decoders))
  const rows = Object.entries(decoders).flatMap(([name, decode], i): Row[] => [
    { measured: `${name}: records/s on one core`, figure: whole(rates[i]!) },
    { measured: `${name}: heap per record`, figure: `${whole(heapPerRecord(decode))} B` },
  ])
  const ratio = `${(rates[0]! / rates[1]!).toFixed(1)} x`
  return [
    { measured: 'body', figure: `${RECORDS} records, ${whole(body.length / RECORDS)} B each` },
    ...rows,
    { measured: 'field reader against protobufjs', figure: ratio },
  ]
}

/** Median rate of each; in turns, so that a busy moment of the machine falls on all. */
function measureTurnByTurn(decoders: (() => unknown)[]): number[] {
  const rates = decoders.map((): number[] => [])
  for (let round = -1; round < ROUNDS; round += 1) {
    decoders.forEach((decode, i) => {
      const rate = rateOf(decode)
      // The first round warms up.
      if (round >= 0) rates[i]!.push(rate)
    })
  }
  return rates.map((own) => own.sort((a, b) => a - b)[ROUNDS >> 1]!)
}

function rateOf(decode: () => unknown): number {
  const start = performance.now()
  let decoded = 0
  while (performance.now() - start < ROUND_MS) {
    decode()
    decoded += RECORDS
  }
  return (decoded / (performance.now() - start)) * 1000
}

/** Growth of the heap over one body; the largest of some, because a collection in between hides some of it. */
function heapPerRecord(decode: () => unknown): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let most = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    collect()
    const before = process.memoryUsage().heapUsed
    decode()
    most = Math.max(most, process.memoryUsage().heapUsed - before)
  }
  return most / RECORDS
}

/** As protobufjs takes 64-bit integers. */
const fixed64 = (value: bigint) => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(value >> 32n),
  unsigned: true,
})
const whole = (value: number) => Math.round(value).toLocaleString('en')

/** As `deploy/envoy/access-log.yaml` has it, the more telling 20 of its attributes. */
function request(): Record<string, unknown> {
  const hex = (i: number, digits: number) => (i * 2_654_435_761).toString(16).padStart(digits, '0').slice(0, digits)
  const pair = ([key, stringValue]: [string, string]) => ({ key, value: { stringValue } })
  const logRecords = Array.from({ length: RECORDS }, (_, i) => ({
    timeUnixNano: fixed64(1_795_296_000_123_456_789n + BigInt(i) * 1_000_000n),
    traceId: Buffer.from(hex(i, 32), 'hex'),
    spanId: Buffer.from(hex(i + 7, 16), 'hex'),
    attributes: Object.entries({
      method: i % 4 === 0 ? 'POST' : 'GET',
      path: `/api/v1/carts/${i * 31}/items`,
      authority: 'cart.shop.svc.cluster.local:8080',
      protocol: 'HTTP/1.1',
      response_code: i % 50 === 0 ? '503' : '200',
      response_flags: '-',
      response_code_details: 'via_upstream',
      upstream_transport_failure_reason: '-',
      downstream_peer_uri_san: `spiffe://cluster.local/ns/shop/sa/web-${i % 9}`,
      downstream_local_uri_san: 'spiffe://cluster.local/ns/shop/sa/cart',
      downstream_tls_version: 'TLSv1.3',
      downstream_tls_cipher: 'TLS_AES_128_GCM_SHA256',
      requested_server_name: 'outbound_.8080_._.cart.shop.svc.cluster.local',
      downstream_remote_address: `10.0.${i % 16}.${i % 250}:${40_000 + i}`,
      upstream_host: `10.0.1.${i % 30}:8080`,
      upstream_cluster: 'inbound|8080||',
      duration_us: String(900 + ((i * 7919) % 60_000)),
      bytes_sent: String(200 + ((i * 31) % 9000)),
      request_id: `${hex(i, 8)}-40a6-4d5a-a73b-${hex(i + 3, 12)}`,
      user_agent: 'shop-web/1.42',
    }).map(pair),
  }))
  const attributes = Object.entries({
    'service.name': 'cart',
    'k8s.namespace.name': 'shop',
    'k8s.pod.name': 'cart-0',
  }).map(pair)
  return { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] }
}
