/**
 * Canonical service names: `name.namespace` where the text says it is a Kubernetes or Consul service, the host as it is
 * elsewhere. Every text is lower case, without port and trailing dot.
 */

export interface ServiceName {
  service: string
  /** '' where the text does not tell. */
  namespace: string
}

/** Longest host name accepted (RFC 1035, section 2.3.4). */
export const MAX_NAME_LENGTH = 253

const NOBODY: ServiceName = { service: '', namespace: '' }
const HOST = /^[a-z0-9_*](?:[a-z0-9_.*-]*[a-z0-9_*])?$/
const IPV4 = /^[0-9.]+$/

/** A host, perhaps with port: `cart.shop.svc.cluster.local:8080` is `cart.shop`. An IP address names no service. */
export function serviceOfHost(text: string): ServiceName {
  if (text.length > MAX_NAME_LENGTH + 6) return NOBODY
  const colon = text.indexOf(':')
  const bare = (colon < 0 ? text : text.slice(0, colon)).toLowerCase()
  const host = bare.endsWith('.') ? bare.slice(0, -1) : bare
  if (!HOST.test(host) || IPV4.test(host) || host.length > MAX_NAME_LENGTH) return NOBODY
  return kubernetesName(host) ?? consulName(host) ?? { service: host, namespace: '' }
}

/** `[<pod>.]<name>.<namespace>.svc[.<cluster domain>]` */
function kubernetesName(host: string): ServiceName | undefined {
  const mark = host.endsWith('.svc') ? host.length - 4 : host.indexOf('.svc.')
  if (mark <= 0) return undefined
  const labels = host.slice(0, mark).split('.')
  const namespace = labels.at(-1) ?? ''
  const name = labels.at(-2) ?? ''
  return name === '' || namespace === '' ? undefined : { service: `${name}.${namespace}`, namespace }
}

const CONSUL_KINDS = ['internal', 'external', 'internal-v1']

/** `[<hash>~][<subset>.]<service>.<namespace>[.<partition>].<datacenter>.<kind>.<trust domain>.consul` */
function consulName(host: string): ServiceName | undefined {
  if (!host.endsWith('.consul')) return undefined
  const labels = host.split('.')
  const kind = labels.findLastIndex((label) => CONSUL_KINDS.includes(label))
  const namespaceAt = kind - (labels[kind] === 'internal-v1' ? 3 : 2)
  const name = labels[namespaceAt - 1]
  const namespace = labels[namespaceAt]
  return name === undefined || namespace === undefined ? undefined : { service: `${name}.${namespace}`, namespace }
}

/** SNI as Istio's client proxies set it: `outbound_.<port>_.<subset>_.<host>`; undefined for any other SNI. */
export function serviceOfMeshSni(sni: string): ServiceName | undefined {
  if (sni.startsWith('outbound_.')) return serviceOfHost(sni.slice(sni.lastIndexOf('_.') + 2))
  return sni.endsWith('.consul') ? serviceOfHost(sni) : undefined
}
