/** What a sidecar does with a connection: HTTP or TCP proxying, with a mesh's authorization policies before it. */
import { type Inbound, type Policy, serviceAccountUri } from './pods.ts'

export type Json = Record<string, unknown>

export function typed(type: string, fields: Json): Json {
  return { '@type': `type.googleapis.com/${type}`, ...fields }
}

export const tlsInspector = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: typed('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
}

export function http(name: string, target: string, log: Json[], inbound?: Inbound): Json {
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

export function tcpFilters(name: string, target: string, inbound: Inbound, log: Json[]): Json[] {
  const rbac = rules(inbound).map((rule) => ({
    name: 'envoy.filters.network.rbac',
    typed_config: typed('envoy.extensions.filters.network.rbac.v3.RBAC', { rules: rule, stat_prefix: 'tcp.' }),
  }))
  return [...rbac, tcpProxy(name, target, log)]
}

export function tcpProxy(name: string, target: string, log: Json[]): Json {
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
