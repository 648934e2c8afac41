/** Log records for the tests of sources. Recorded ones are in test/envoy. */
import { FIELDS, type Field, type LogRecord } from '../../../collector/otlp/log-record.ts'
import { emptyRecord } from '../../../collector/otlp/record-fields.ts'
import { envoySource } from '../../../collector/sources/envoy.ts'
import { isCall, type RecordContext, type Unreadable } from '../../../collector/sources/source.ts'
import type { Call } from '../../../core/call.ts'

/** 2026-01-01T00:00:00Z */
export const NOW = 1_767_225_600_000_000

export const CONTEXT: RecordContext = { sender: 'loopback', trust: 'verified', received: NOW + 1_000_000 }

export type Fields = Partial<Record<Field, string>>

export function logRecord(fields: Fields, rest: Partial<LogRecord> = {}): LogRecord {
  const values = FIELDS.map((field) => fields[field] ?? '')
  return { ...emptyRecord(), timeUs: NOW, values, ...rest }
}

export function read(fields: Fields, rest: Partial<LogRecord> = {}): Call | Unreadable {
  return envoySource.read(logRecord(fields, rest), CONTEXT)
}

export function readCall(fields: Fields, rest: Partial<LogRecord> = {}): Call {
  const result = read(fields, rest)
  if (!isCall(result)) throw new Error(`${result.reason}: ${result.detail}`)
  return result
}

/** A request as the callee's sidecar reports it over mutual TLS. */
export const INBOUND: Fields = {
  method: 'GET',
  path: '/items',
  authority: 'cart.shop:8080',
  protocol: 'HTTP/1.1',
  responseCode: '200',
  responseCodeDetails: 'via_upstream',
  downstreamPeerUriSan: 'spiffe://cluster.local/ns/shop/sa/web',
  downstreamLocalUriSan: 'spiffe://cluster.local/ns/shop/sa/cart',
  downstreamTlsVersion: 'TLSv1.3',
  requestedServerName: 'outbound_.8080_._.cart.shop.svc.cluster.local',
  downstreamRemoteAddress: '10.0.0.11:35964',
  downstreamLocalAddress: '10.0.0.21:8080',
  upstreamHost: '127.0.0.1:8080',
  upstreamCluster: 'inbound|8080||',
  accessLogType: 'DownstreamEnd',
  duration: '3',
  durationUs: '3501',
  serviceName: 'cart',
  k8sNamespace: 'shop',
  k8sPod: 'cart-0',
  k8sPodIp: '10.0.0.21',
}

/** The same request as the caller's sidecar reports it. */
export const OUTBOUND: Fields = {
  method: 'GET',
  path: '/items',
  authority: 'cart.shop:8080',
  protocol: 'HTTP/1.1',
  responseCode: '200',
  responseCodeDetails: 'via_upstream',
  upstreamLocalUriSan: 'spiffe://cluster.local/ns/shop/sa/web',
  upstreamPeerUriSan: 'spiffe://cluster.local/ns/shop/sa/cart',
  upstreamTlsVersion: 'TLSv1.3',
  downstreamRemoteAddress: '127.0.0.1:40000',
  downstreamLocalAddress: '10.96.0.5:8080',
  upstreamHost: '10.0.0.21:8080',
  upstreamLocalAddress: '10.0.0.11:35964',
  upstreamCluster: 'outbound|8080||cart.shop.svc.cluster.local',
  accessLogType: 'DownstreamEnd',
  duration: '12',
  durationUs: '12806',
  attemptCount: '1',
  serviceName: 'web',
  k8sNamespace: 'shop',
  k8sPod: 'web-0',
  k8sPodIp: '10.0.0.11',
}
