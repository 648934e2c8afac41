/** One state of the declared world: inventory and verdicts. Immutable; a reload makes another. */
import { createHash } from 'node:crypto'
import { type Declared, nothingDeclared } from './declared.ts'
import { DeclaredInventory, type InventoryService, type InventoryWorkload } from './inventory.ts'
import { decideAt, type Enforcement, unknown } from './istio/authorization.ts'
import { Enforcements } from './istio/enforcements.ts'
import { PeerAuthentications, type WorkloadModes } from './istio/peer-authentication.ts'
import { attributesOf } from './istio/rule.ts'
import { loadFolder } from './load.ts'
import type { AccessQuery, DecideByPath, PolicySnapshot, Verdict } from './policy.ts'
import { type Attribute, VerdictCache } from './verdict-cache.ts'

export interface SnapshotOptions {
  trustDomain: string
  trustDomainAliases: readonly string[]
  rootNamespace: string
}

/** Pairs of address and service whose policies are kept at hand. */
const MAX_TARGETS = 50_000

const DEFAULTS: SnapshotOptions = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
}

export function emptySnapshot(): PolicySnapshot {
  return createSnapshot(nothingDeclared(), DEFAULTS)
}

/** Reads a folder of exports anew; throws a `config` error where anything in it is wrong, and the old snapshot stays good. */
export function loadSnapshot(
  folder: string,
  options: SnapshotOptions,
): { snapshot: PolicySnapshot; declared: Declared } {
  const declared = loadFolder(folder)
  return { snapshot: createSnapshot(declared, options), declared }
}

/** What decides for a workload, and for all that are like it. */
interface Target {
  enforcements: readonly Enforcement[]
  /** undefined where nothing refuses plain text, as no proxy stands before it. */
  modes: WorkloadModes | undefined
}

export function createSnapshot(declared: Declared, options: SnapshotOptions = DEFAULTS): PolicySnapshot {
  const { authorizationPolicies, peerAuthentications } = declared
  const trust = { trustDomain: options.trustDomain, aliases: options.trustDomainAliases }
  const inventory = new DeclaredInventory(declared, options)
  const enforcements = new Enforcements(
    authorizationPolicies,
    { ...trust, rootNamespace: options.rootNamespace },
    inventory.namespaceLabels,
  )
  const modes = new PeerAuthentications(peerAuthentications, options.rootNamespace)
  const looksAt = authorizationPolicies.flatMap(({ rules }) => rules.flatMap(attributesOf))
  const cache = new VerdictCache(attributesThatMatter(looksAt), looksAt.includes('path'))
  const targets = new Map<string, readonly Target[]>()

  const targetOf = (workload: InventoryWorkload, service: InventoryService | undefined): Target => ({
    enforcements: enforcements.ofWorkload(workload, service),
    modes: workload.meshed ? modes.modesOf(workload.namespace, workload.labels) : undefined,
  })

  const targetsOf = (query: AccessQuery, service: InventoryService | undefined): readonly Target[] => {
    const workload = inventory.workloadAt(query.destinationAddress)
    const key = `${workload === undefined ? '' : query.destinationAddress} ${service?.canonical ?? ''}`
    const before = targets.get(key)
    if (before !== undefined) return before
    const behind = service === undefined ? [] : inventory.workloadsOf(service)
    const found = distinct((workload === undefined ? behind : [workload]).map((each) => targetOf(each, service)))
    if (found.length > 0) {
      if (targets.size >= MAX_TARGETS) targets.clear()
      targets.set(key, found)
      return found
    }
    const namespace = service?.namespace ?? query.destinationNamespace
    return namespace === '' ? [] : [{ enforcements: enforcements.ofNamespace(namespace, service), modes: undefined }]
  }

  const evaluate = (asked: AccessQuery): Verdict => {
    const service =
      inventory.serviceByHost(asked.destinationService) ??
      inventory.serviceByEndpoint(asked.destinationAddress, asked.destinationPort)
    const query = withWorkloadPort(asked, inventory.workloadAt(asked.destinationAddress) !== undefined, service)
    const verdicts = targetsOf(query, service).map((target) =>
      decideTarget(target, query, authorizationPolicies.length > 0),
    )
    const [first, ...rest] = verdicts
    if (first === undefined) return unknown('the destination is not declared')
    if (rest.every(({ decision }) => decision === first.decision)) return first
    return unknown(`workloads of ${service?.canonical ?? asked.destinationService} differ`)
  }

  const nothing = authorizationPolicies.length === 0 && peerAuthentications.length === 0
  const noPolicy = unknown('no policy declared')
  const decideByPath = (query: AccessQuery): DecideByPath => {
    if (nothing) return () => noPolicy
    const kind = cache.kindOf(query)
    return (path) => {
      const before = cache.get(kind, path)
      if (before !== undefined) return before
      const verdict = evaluate({ ...query, path })
      cache.set(kind, path, verdict)
      return verdict
    }
  }
  return {
    version: versionOf(declared, options),
    inventory,
    decide: (query) => decideByPath(query)(query.path),
    decideByPath,
    strictMtls(address, port) {
      const workload = inventory.workloadAt(address)
      if (workload === undefined || peerAuthentications.length === 0) return undefined
      if (!workload.meshed) return false
      const mode = modes.modesOf(workload.namespace, workload.labels).at(port)
      return mode === undefined ? undefined : mode.mode === 'STRICT'
    },
  }
}

function decideTarget({ enforcements, modes }: Target, query: AccessQuery, hasAuthorization: boolean): Verdict {
  const plaintext = query.sourceIdentity === '' && query.sourceKnown !== false
  const mode = modes?.at(query.destinationPort)
  if (plaintext && mode?.mode === 'STRICT')
    return { decision: 'denied', reason: `${mode.by}: plain text to a STRICT port` }
  if (!hasAuthorization) return unknown('no authorization policy declared')

  const verdicts = enforcements.map((each) => decideAt(each, query))
  const denied = verdicts.find(({ decision }) => decision === 'denied')
  if (denied !== undefined) return denied
  if (plaintext && modes !== undefined && mode === undefined) return unknown('the record does not tell the port')
  return verdicts.find(({ decision }) => decision === 'unknown') ?? verdicts.at(-1)!
}

/** Policies name ports of the workload. Where the service was addressed, its port is turned into that. */
function withWorkloadPort(query: AccessQuery, addressed: boolean, service: InventoryService | undefined): AccessQuery {
  if (addressed || service === undefined) return query
  const target = service.ports.find(({ port }) => port === query.destinationPort)?.targetPort
  if (target === undefined || target === query.destinationPort) return query
  return { ...query, destinationPort: typeof target === 'number' ? target : 0 }
}

function distinct(targets: readonly Target[]): Target[] {
  const bySignature = new Map<string, Target>()
  for (const target of targets) {
    const signature = [
      target.modes?.signature,
      ...target.enforcements.map(({ deny, allow, custom, ...rest }) => [
        [deny, allow, custom].map((list) => list.map(({ policy, applies }) => [policy.name, applies])),
        { ...rest, subject: '' },
      ]),
    ]
    const key = JSON.stringify(signature)
    if (!bySignature.has(key)) bySignature.set(key, target)
  }
  return [...bySignature.values()]
}

/** What can matter beside the path, the least varied first: without a policy on hosts, calls to endless hosts are one. */
function attributesThatMatter(looksAt: readonly string[]): Attribute[] {
  const used = new Set(looksAt)
  return [
    (query) => query.destinationPort * 4 + (query.http ? 2 : 0) + (query.sourceKnown === false ? 1 : 0),
    (query) => query.destinationNamespace,
    (query) => query.destinationService,
    (query) => query.destinationAddress,
    (query) => query.sourceIdentity,
    ...Object.entries(BY_POLICY).flatMap(([attribute, read]) => (used.has(attribute) ? read : [])),
  ]
}

const BY_POLICY: Readonly<Record<string, Attribute>> = {
  'source.ip': (query) => query.sourceAddress,
  'connection.sni': (query) => query.sni,
  host: (query) => query.host,
  method: (query) => query.method,
}

function versionOf({ places: _, ignored: __, ...lists }: Declared, options: SnapshotOptions): string {
  const hash = createHash('sha256').update(JSON.stringify(options))
  const plain = (_key: string, value: unknown) => (value instanceof Map ? [...value] : value)
  for (const [name, list] of Object.entries(lists)) {
    hash.update(`\n${name}`)
    for (const text of list.map((each) => JSON.stringify(each, plain)).sort()) hash.update(`\n${text}`)
  }
  return hash.digest('hex').slice(0, 32)
}
