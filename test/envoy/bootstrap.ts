/** The static Envoy configuration of one pod's sidecar, written as a mesh would: Istio's cluster names, SNI and policy ids. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Certificate } from './ca.ts'
import {
  type Inbound,
  NAMESPACE,
  type Outbound,
  type Pod,
  type Policy,
  serviceAccountUri,
  TRUST_DOMAIN,
} from './pods.ts'

const SNIPPET = join(import.meta.dirname, '../../deploy/envoy/access-log.yaml')

type Json = Record<string, unknown>

export interface Surroundings {
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
export function accessLog(pod: Pod): Json[] {
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

function typed(type: string, fields: Json): Json {
  return { '@type': `type.googleapis.com/${type}`, ...fields }
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

function tlsContext(around: Surroundings, san: Json, newest = 'TLSv1_3'): Json {
  const own = around.certificate
  return {
    ...(own && {
      tls_certificates: [{ certificate_chain: { filename: own.certFile }, private_key: { filename: own.keyFile } }],
    }),
    validation_context: {
      trusted_ca: { filename: around.trustedCa },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: san }],
    },
    tls_params: { tls_maximum_protocol_version: newest },
  }
}

function inboundCluster(inbound: Inbound, around: Surroundings): Json {
  const port = around.appPorts.get(inbound.port) ?? 0
  return cluster(inboundName(inbound), '127.0.0.1', port, { http2: inbound.kind === 'grpc' })
}

function outboundCluster(pod: Pod, outbound: Outbound, around: Surroundings): Json {
  const target = around.pods[outbound.to]!
  const socket = typed('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
    ...(outbound.style !== 'plain' && {
      sni: `outbound_.${outbound.port}_.${outbound.subset ?? ''}_.${fqdn(target.service)}`,
    }),
    common_tls_context: tlsContext(around, { exact: serviceAccountUri(target.service) }, outbound.subset && 'TLSv1_2'),
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
    common_tls_context: tlsContext(around, { prefix: `spiffe://${TRUST_DOMAIN}/` }),
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

const tlsInspector = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: typed('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
}

function http(name: string, target: string, log: Json[], inbound?: Inbound): Json {
  const to = { cluster: target, timeout: '0s' }
  const retries = { retry_on: '5xx', num_retries: 4, retry_back_off: { base_interval: '0.01s' } }
  const filters = inbound === undefined ? [] : rules(inbound).map(httpRbac)
  const outboundRoutes = [{ match: { prefix: '/flaky' }, route: { ...to, retry_policy: retries } }]
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      stat_prefix: name,
      access_log: log,
      route_config: {
        virtual_hosts: [
          {
            name: target,
            domains: ['*'],
            routes: [...(inbound ? [] : outboundRoutes), { name: 'default', match: { prefix: '/' }, route: to }],
          },
        ],
      },
      http_filters: [
        ...filters,
        { name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router', {}) },
      ],
    }),
  }
}

function tcpFilters(name: string, target: string, inbound: Inbound, log: Json[]): Json[] {
  const rbac = rules(inbound).map((rule) => ({
    name: 'envoy.filters.network.rbac',
    typed_config: typed('envoy.extensions.filters.network.rbac.v3.RBAC', { rules: rule, stat_prefix: 'tcp.' }),
  }))
  return [...rbac, tcpProxy(name, target, log)]
}

function tcpProxy(name: string, target: string, log: Json[]): Json {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: name,
      cluster: target,
      access_log: log,
    }),
  }
}

function httpRbac(rule: Json): Json {
  return {
    name: 'envoy.filters.http.rbac',
    typed_config: typed('envoy.extensions.filters.http.rbac.v3.RBAC', { rules: rule }),
  }
}

/** Deny rules first, then allow rules, as Istio orders its filters. */
function rules(inbound: Inbound): Json[] {
  const chain: [string, Policy[] | undefined][] = [
    ['DENY', inbound.deny],
    ['ALLOW', inbound.allow],
  ]
  return chain.flatMap(([action, policies]) =>
    policies === undefined
      ? []
      : [{ action, policies: Object.fromEntries(policies.map((p) => [p.id, rbacPolicy(p)])) }],
  )
}

function rbacPolicy(policy: Policy): Json {
  const path = policy.pathPrefix
  return {
    permissions: [path === undefined ? { any: true } : { url_path: { path: { prefix: path } } }],
    principals: policy.from?.map((service) => ({
      authenticated: { principal_name: { exact: serviceAccountUri(service) } },
    })) ?? [{ any: true }],
  }
}
