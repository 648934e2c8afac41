/**
 * Envoy's upstream cluster, which is the proxy's own configuration: the best witness of which end reports and of whom it calls.
 *
 *   outbound|<port>|<subset>|<host>       Istio, the caller's end
 *   inbound|<port>||[<host>]              Istio, the callee's end
 *   inbound-vip|<port>|<protocol>|<host>  Istio, a waypoint
 *   <...>.internal.<trust domain>.consul  Consul, the caller's end;  local_app  its callee's end
 *   PassthroughCluster, BlackHoleCluster  Istio: outside the declared services; named as such
 */
import type { Reporter } from '../../core/call.ts'
import { bounded, MAX_LENGTH } from './bounded.ts'
import { memo } from './memo.ts'
import { type ServiceName, serviceOfHost } from './service-name.ts'

export interface Cluster extends ServiceName {
  /** The end a proxy with this cluster stands at; '' where the name does not tell. */
  reporter: Reporter | ''
}

function named(reporter: Cluster['reporter'], { service, namespace }: ServiceName): Cluster {
  return { reporter, service, namespace }
}

export const clusterOf = memo((text: string): Cluster => {
  const bar = text.indexOf('|')
  if (bar > 0) {
    const direction = text.slice(0, bar)
    const host = serviceOfHost(text.slice(text.lastIndexOf('|') + 1))
    if (direction === 'outbound') return named('source', host)
    if (direction === 'inbound') return named('destination', host)
    if (direction === 'inbound-vip' || direction === 'inbound-pod') return named('waypoint', host)
  }
  if (text === 'PassthroughCluster' || text === 'BlackHoleCluster') {
    return { reporter: 'source', service: text, namespace: '' }
  }
  if (text.startsWith('InboundPassthroughCluster') || text === 'local_app') {
    return { reporter: 'destination', service: '', namespace: '' }
  }
  if (text.endsWith('.consul')) return named('source', serviceOfHost(text))
  return { reporter: '', service: bounded(text, MAX_LENGTH.name), namespace: '' }
})
