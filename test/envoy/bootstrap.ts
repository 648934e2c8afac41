/** The static Envoy configuration of one pod's sidecar, written as a mesh would: Istio's cluster names, SNI and policy ids. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Certificate } from './ca.ts'
import { http, type Json, tcpFilters, tcpProxy, tlsInspector, typed } from './filters.ts'
import { type Inbound, NAMESPACE, type Outbound, type Pod, serviceAccountUri, TRUST_DOMAIN } from './pods.ts'

const SNIPPET = join(import.meta.dirname, '../../deploy/envoy/access-log.yaml')

interface Surroundings {
  pods: Record<string, Pod>
  trustedCa: string
  certificate: Certificate | undefined
  sinkPort: number
  /** Port on 127.0.0.1 of the application behind each inbound port. */
  appPorts: Map<number, number>
  /** Port on 127.0.0.1 of the forwarder. */
  forwarderPort: number
}

export function bootstrap(pod: Pod, around: Surroundings): Json {
  const log = accessLog(pod)
  return {
    node: { id: pod.name, cluster: pod.service },
    admin: { address: address('127.0.0.1', 0) },
    static_resources: {
      listeners: [
        ...pod.inbound.map((inbound) => inboundListener(pod, inbound, log, around)),
        ...pod.outbound.map((outbound) => outboundListener(pod, outbound, log, around)),
      ],
      clusters: [
        cluster('eastwatch', '127.0.0.1', around.sinkPort, { http2: true }),
        ...pod.inbound.map((inbound) => inboundCluster(inbound, around)),
        ...pod.outbound.map((outbound) => outboundCluster(pod, outbound, around)),
      ],
    },
  }
}

/** The snippet users paste, with this pod's resource. Only the flush is quicker, so that the tests need not wait. */
function accessLog(pod: Pod): Json[] {
  const snippet = parse(readFileSync(SNIPPET, 'utf8')) as { typed_config: Json }[]
  const resource = {
    'service.name': pod.service,
    'k8s.namespace.name': NAMESPACE,
    'k8s.pod.name': `${pod.name}-0`,
    'k8s.pod.ip': pod.address,
  }
  const values = Object.entries(resource).map(([key, text]) => ({ key, value: { string_value: text } }))
  return snippet.map((entry) => ({
    ...entry,
    typed_config: { ...entry.typed_config, buffer_flush_interval: '0.2s', resource_attributes: { values } },
  }))
}

function address(host: string, port: number): Json {
  return { socket_address: { address: host, port_value: port } }
}

function fqdn(service: string): string {
  return `${service}.${NAMESPACE}.svc.cluster.local`
}

function outboundName(service: string, { port, subset, style }: Outbound): string {
  if (style === 'plain') return service
  return `outbound|${port}|${subset ?? ''}|${fqdn(service)}`
}

function inboundName({ port, style }: Inbound): string {
  return style === 'plain' ? 'application' : `inbound|${port}||`
}

function cluster(name: string, host: string, port: number, options: { http2?: boolean; more?: Json } = {}): Json {
  const protocol = options.http2 ? { http2_protocol_options: {} } : { http_protocol_options: {} }
  return {
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(host, port) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        { explicit_http_config: protocol, common_http_protocol_options: { idle_timeout: '0.2s' } },
      ),
    },
    ...options.more,
  }
}

/** `newest` TLS version offered; the proxy's own default where undefined (TLS 1.2 as a client). */
function tlsContext(around: Surroundings, san: Json, newest?: 'TLSv1_2' | 'TLSv1_3'): Json {
  const own = around.certificate
  return {
    ...(own && {
      tls_certificates: [{ certificate_chain: { filename: own.certFile }, private_key: { filename: own.keyFile } }],
    }),
    validation_context: {
      trusted_ca: { filename: around.trustedCa },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: san }],
    },
    ...(newest && { tls_params: { tls_maximum_protocol_version: newest } }),
  }
}

function inboundCluster(inbound: Inbound, around: Surroundings): Json {
  const port = around.appPorts.get(inbound.port) ?? 0
  return cluster(inboundName(inbound), '127.0.0.1', port, { http2: inbound.kind === 'grpc' })
}

function outboundCluster(pod: Pod, outbound: Outbound, around: Surroundings): Json {
  const target = around.pods[outbound.to]!
  const newest = outbound.style === 'plain' ? undefined : outbound.subset ? 'TLSv1_2' : 'TLSv1_3'
  const socket = typed('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
    ...(outbound.style !== 'plain' && {
      sni: `outbound_.${outbound.port}_.${outbound.subset ?? ''}_.${fqdn(target.service)}`,
    }),
    common_tls_context: tlsContext(around, { exact: serviceAccountUri(target.service) }, newest),
  })
  const more = {
    upstream_bind_config: { source_address: { address: pod.address, port_value: 0 } },
    transport_socket: { name: 'tls', typed_config: socket },
  }
  const [host, port] = outbound.delayed ? ['127.0.0.1', around.forwarderPort] : [target.address, outbound.port]
  return cluster(outboundName(target.service, outbound), host, port, { http2: outbound.kind === 'grpc', more })
}

function inboundListener(pod: Pod, inbound: Inbound, log: Json[], around: Surroundings): Json {
  const name = `inbound_${inbound.port}`
  const target = inboundName(inbound)
  const socket = typed('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
    require_client_certificate: true,
    common_tls_context: tlsContext(around, { prefix: `spiffe://${TRUST_DOMAIN}/` }, 'TLSv1_3'),
  })
  const byInspector = inbound.style !== 'plain'
  return {
    name,
    address: address(pod.address, inbound.port),
    access_log: log,
    ...(byInspector && { listener_filters: [tlsInspector] }),
    filter_chains: [
      {
        ...(byInspector && { name, filter_chain_match: { transport_protocol: 'tls' } }),
        transport_socket: { name: 'tls', typed_config: socket },
        filters: inbound.kind === 'tcp' ? tcpFilters(name, target, inbound, log) : [http(name, target, log, inbound)],
      },
    ],
  }
}

function outboundListener(pod: Pod, outbound: Outbound, log: Json[], around: Surroundings): Json {
  const target = outboundName(around.pods[outbound.to]!.service, outbound)
  const name = `outbound_${outbound.listen}`
  return {
    name,
    address: address(pod.address, outbound.listen),
    filter_chains: [{ filters: outbound.kind === 'tcp' ? [tcpProxy(name, target, log)] : [http(name, target, log)] }],
  }
}
