/**
 * Who was called and who reports, from the record alone. The destination service is the partition key, so that it never rests on
 * anything learned. In order of weight:
 *
 *   caller's end, waypoint   cluster `outbound|..|host` (passthrough clusters as such), mesh SNI, authority, plain cluster name
 *   callee's end             mesh SNI, own service, authority in the own namespace, own workload, any authority, plain SNI
 *
 * and then the destination's address, as `ip:port` with origin `none`: no name, but nothing is lost. At the callee's end SNI and
 * authority are the caller's words: an SNI of another namespace than the proxy's own is not believed, and the own service outranks
 * the authority.
 */
import type { Call } from '../../core/call.ts'
import { parseIdentity } from '../../core/identity.ts'
import { FIELD } from '../otlp/log-record.ts'
import { bounded, MAX_LENGTH } from './bounded.ts'
import { clusterOf } from './cluster-name.ts'
import { memo } from './memo.ts'
import { type ServiceName, serviceOfHost, serviceOfMeshSni } from './service-name.ts'

const {
  serviceName,
  serviceNamespace,
  k8sNamespace,
  k8sDeployment,
  clusterName,
  upstreamCluster,
  requestedServerName,
  authority,
} = FIELD

const hostService = memo(serviceOfHost)
const meshService = memo((sni: string): ServiceName => serviceOfMeshSni(sni) ?? { service: '', namespace: '' })
/** Namespace of a canonical identity, '' where it does not tell. */
export const namespaceOf = memo((identity: string): string => parseIdentity(identity).namespace)

/** Namespace of the proxy itself. */
export function ownNamespace(values: readonly string[], ownIdentity: string): string {
  const declared = values[k8sNamespace] || values[serviceNamespace] || ''
  return declared === '' ? namespaceOf(ownIdentity) : bounded(declared, MAX_LENGTH.name)
}

/** Service of the proxy itself, from its resource; '' where that does not tell. */
export function ownService(values: readonly string[], namespace: string): string {
  const name = values[serviceName] || values[clusterName] || ''
  return name.startsWith('unknown_service') ? '' : inNamespace(name, namespace)
}

/** Workload of the proxy itself, named as a service would be. */
export function ownWorkload(values: readonly string[], namespace: string): string {
  return inNamespace(values[k8sDeployment]!, namespace)
}

function inNamespace(name: string, namespace: string): string {
  const bare = bounded(name, MAX_LENGTH.name)
  return bare === '' || namespace === '' || bare.endsWith(`.${namespace}`) ? bare : `${bare}.${namespace}`
}

/** Fills in the destination's service and namespace. `ownName` and `namespace` are those of the proxy. */
export function nameDestination(call: Call, values: readonly string[], ownName: string, namespace: string): void {
  const called =
    call.reporter === 'destination'
      ? calledHere(values, ownName, namespace)
      : calledThere(values, clusterOf(values[upstreamCluster]!))
  if (called.service !== '') {
    call.destinationService = called.service
    call.destinationServiceOrigin = 'record'
  } else {
    call.destinationService = addressAsService(call.destinationAddress, call.destinationPort)
  }
  call.destinationNamespace = namespaceOf(call.destinationIdentity) || called.namespace
}

function calledThere(values: readonly string[], cluster: ReturnType<typeof clusterOf>): ServiceName {
  if (cluster.reporter !== '' && cluster.service !== '') return cluster
  const bySni = meshService(values[requestedServerName]!)
  if (bySni.service !== '') return bySni
  const byAuthority = hostService(values[authority]!)
  return byAuthority.service === '' ? cluster : byAuthority
}

function calledHere(values: readonly string[], ownName: string, namespace: string): ServiceName {
  const sni = values[requestedServerName]!
  const bySni = meshService(sni)
  if (bySni.service !== '' && (namespace === '' || bySni.namespace === '' || bySni.namespace === namespace))
    return bySni
  if (ownName !== '') return { service: ownName, namespace }
  const byAuthority = hostService(values[authority]!)
  if (byAuthority.service !== '' && namespace !== '' && byAuthority.service.endsWith(`.${namespace}`))
    return byAuthority
  const workload = ownWorkload(values, namespace)
  if (workload !== '') return { service: workload, namespace }
  return byAuthority.service === '' ? hostService(sni) : byAuthority
}

function addressAsService(address: string, port: number): string {
  if (address === '' || port === 0) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
