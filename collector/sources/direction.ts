/**
 * At which end of the call the reporting proxy stands. In order of weight: its cluster's name (its own configuration), then
 * which of its two connections carried an identity or TLS, then what only a server's side writes, then addresses.
 */
import type { Reporter } from '../../core/call.ts'
import { FIELD } from '../otlp/log-record.ts'
import { ipOf, isOwnLoopback } from './address.ts'
import { clusterOf } from './cluster-name.ts'

const {
  upstreamCluster,
  upstreamHost,
  upstreamLocalUriSan,
  upstreamPeerUriSan,
  upstreamTlsVersion,
  upstreamTransportFailureReason,
  downstreamPeerUriSan,
  downstreamLocalUriSan,
  downstreamTlsVersion,
  downstreamTransportFailureReason,
  downstreamRemoteAddress,
  filterChainName,
  requestedServerName,
  k8sPodIp,
} = FIELD

export function readReporter(values: readonly string[]): Reporter {
  const byCluster = clusterOf(values[upstreamCluster]!).reporter
  if (byCluster !== '') return byCluster
  const chain = values[filterChainName]!
  if (chain.startsWith('inbound') || chain.startsWith('virtualInbound') || chain.startsWith('public_listener')) {
    return 'destination'
  }
  if (values[downstreamPeerUriSan] !== '' || values[downstreamTransportFailureReason] !== '') return 'destination'
  if (values[upstreamPeerUriSan] !== '' || values[upstreamLocalUriSan] !== '') return 'source'
  if (values[downstreamLocalUriSan] !== '' || values[downstreamTlsVersion] !== '') return 'destination'
  if (values[upstreamTlsVersion] !== '' || isTls(values[upstreamTransportFailureReason]!)) return 'source'
  if (values[requestedServerName]!.startsWith('outbound_.')) return 'destination'
  return byAddress(values)
}

/** A proxy beside its application reaches it over loopback; a caller's proxy is called from its own pod's address. */
function byAddress(values: readonly string[]): Reporter {
  const caller = ipOf(values[downstreamRemoteAddress]!)
  if (isOwnLoopback(ipOf(values[upstreamHost]!))) return 'destination'
  if (isOwnLoopback(caller)) return 'source'
  const own = ipOf(values[k8sPodIp]!)
  return own !== '' && own === caller ? 'source' : 'destination'
}

/** True where a transport failure is of TLS, not of the TCP connection. */
export function isTls(reason: string): boolean {
  return reason.includes('TLS') || reason.includes('SSL') || reason.includes('SDS') || TIMEOUT.test(reason)
}

const TIMEOUT = /transport.socket.timeout/
