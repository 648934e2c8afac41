/** Everything that was declared, read from Kubernetes objects into the few fields that decide. */
import { z } from 'zod'
import { PipelineError } from '../core/errors.ts'
import { MAX_DEPTH } from './documents.ts'
import { type AuthorizationPolicy, AuthorizationPolicyObject } from './istio/authorization-policy.ts'
import { type PeerAuthentication, PeerAuthenticationObject } from './istio/peer-authentication.ts'
import { type DeclaredEndpoints, EndpointSliceObject, EndpointsObject } from './kubernetes/endpoints.ts'
import { type DeclaredNamespace, NamespaceObject, ServiceAccountObject } from './kubernetes/namespace.ts'
import { type DeclaredPod, PodObject } from './kubernetes/pod.ts'
import { type DeclaredService, ServiceObject } from './kubernetes/service.ts'

export const MAX_OBJECTS = 200_000
const MAX_IGNORED_KINDS = 100

export interface Declared {
  pods: DeclaredPod[]
  services: DeclaredService[]
  endpoints: DeclaredEndpoints[]
  serviceAccounts: { namespace: string; name: string }[]
  namespaces: DeclaredNamespace[]
  authorizationPolicies: AuthorizationPolicy[]
  peerAuthentications: PeerAuthentication[]
  /** How many objects of each kind were passed over, as nothing here reads that kind. */
  ignored: Map<string, number>
  /** `kind namespace/name` of what was read, with the file it stands in. */
  places: Map<string, string>
}

export function nothingDeclared(): Declared {
  return {
    pods: [],
    services: [],
    endpoints: [],
    serviceAccounts: [],
    namespaces: [],
    authorizationPolicies: [],
    peerAuthentications: [],
    ignored: new Map(),
    places: new Map(),
  }
}

interface Kind<T> {
  schema: z.ZodType<T>
  list(declared: Declared): T[]
}

const kind = <T>(schema: z.ZodType<T>, list: (declared: Declared) => T[]): Kind<unknown> =>
  ({ schema, list }) as Kind<unknown>

/** By API group and kind; versions of one group are alike in what is read here. */
const KINDS = new Map<string, Kind<unknown>>([
  ['/Pod', kind(PodObject, ({ pods }) => pods)],
  ['/Service', kind(ServiceObject, ({ services }) => services)],
  ['/Endpoints', kind(EndpointsObject, ({ endpoints }) => endpoints)],
  ['discovery.k8s.io/EndpointSlice', kind(EndpointSliceObject, ({ endpoints }) => endpoints)],
  ['/ServiceAccount', kind(ServiceAccountObject, ({ serviceAccounts }) => serviceAccounts)],
  ['/Namespace', kind(NamespaceObject, ({ namespaces }) => namespaces)],
  [
    'security.istio.io/AuthorizationPolicy',
    kind(AuthorizationPolicyObject, ({ authorizationPolicies }) => authorizationPolicies),
  ],
  [
    'security.istio.io/PeerAuthentication',
    kind(PeerAuthenticationObject, ({ peerAuthentications }) => peerAuthentications),
  ],
])

const Header = z.object({
  apiVersion: z.string().max(253),
  kind: z.string().min(1).max(253),
  metadata: z.object({ name: z.string().max(253), namespace: z.string().max(253).optional() }).optional(),
})
const List = z.object({
  apiVersion: z.string().max(253),
  kind: z.string().endsWith('List'),
  items: z.array(z.unknown()),
})

/** Reads one object, or a list of them, into `declared`; `place` names the file (and document) in errors. */
export function declare(declared: Declared, object: unknown, place: string): void {
  const list = List.safeParse(object)
  if (!list.success) {
    declareOne(declared, object, place)
    return
  }
  const { kind, apiVersion, items } = list.data
  // A typed list (PodList) leaves kind and version out of its items.
  const typed = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) }
  items.forEach((item, i) => {
    const whole = typeof item === 'object' && item !== null && !Array.isArray(item) ? { ...typed, ...item } : item
    declareOne(declared, whole, `${place}: item ${i}`)
  })
}

function declareOne(declared: Declared, object: unknown, place: string): void {
  const header = Header.safeParse(object)
  if (!header.success) throw problem(place, header.error)
  const { apiVersion, kind, metadata } = header.data
  const slash = apiVersion.indexOf('/')
  const reader = KINDS.get(`${slash < 0 ? '' : apiVersion.slice(0, slash)}/${kind}`)
  if (reader === undefined) {
    const name = declared.ignored.has(kind) || declared.ignored.size < MAX_IGNORED_KINDS ? kind : 'other kinds'
    declared.ignored.set(name, (declared.ignored.get(name) ?? 0) + 1)
    return
  }
  const name = `${kind} ${metadata?.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata?.name ?? ''}`
  const where = `${place} (${name.trim()})`
  if (isDeeperThan(object, MAX_DEPTH)) {
    throw new PipelineError('config', `${where}: is nested deeper than the limit of ${MAX_DEPTH}`)
  }
  const read = reader.schema.safeParse(object)
  if (!read.success) throw problem(where, read.error)
  const before = declared.places.get(name)
  if (before !== undefined) throw new PipelineError('config', `${where}: is declared twice, first in ${before}`)
  if (declared.places.size >= MAX_OBJECTS) {
    throw new PipelineError('config', `${where}: is over the limit of ${MAX_OBJECTS} objects`)
  }
  declared.places.set(name, place)
  reader.list(declared).push(read.data)
}

function problem(place: string, error: z.ZodError): PipelineError {
  const issue = error.issues[0]!
  const path = issue.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  const message = issue.message.replace(/^Invalid input: /, '')
  return new PipelineError('config', `${place}: ${path.slice(1, 200) || 'object'}: ${message.slice(0, 200)}`)
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((inner) => isDeeperThan(inner, levels - 1))
}
