/** deploy/kubernetes: objects as Kubernetes knows them, that fit together and hold to the restricted pod security standard. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { makeToken } from '../../alerts/api/tokens.ts'
import { EastwatchConfig } from '../../cli/config.ts'
import { ALL_ROLES, type RoleName } from '../../cli/roles/role.ts'
import { STOP_MS } from '../../cli/roles/stops.ts'
import { Health, serveHealth } from '../../core/telemetry/health.ts'
import { readPolicy } from '../../policy/read.ts'
import { eastwatch } from '../cli/command.ts'
import { documentsOf, filesOf, parseYaml, ROOT, textOf, variablesIn } from './files.ts'
import { fetchSchemas, type KubernetesObject, schemaCheck } from './kubernetes-schemas.ts'
import { run } from './run.ts'

const FOLDER = 'deploy/kubernetes'
/** The oldest and the newest that are looked at. */
const VERSIONS = ['1.30', '1.37']

interface Probe {
  httpGet: { path: string; port: string }
}

interface Deployment extends KubernetesObject {
  spec: {
    replicas: number
    strategy: { rollingUpdate: { maxSurge: number; maxUnavailable: number } }
    selector: { matchLabels: Record<string, string> }
    template: {
      metadata: { labels: Record<string, string> }
      spec: {
        automountServiceAccountToken: boolean
        terminationGracePeriodSeconds: number
        securityContext: object
        topologySpreadConstraints: { labelSelector: { matchLabels: object } }[]
        containers: {
          image: string
          args: string[]
          envFrom: { configMapRef?: { name: string }; secretRef?: { name: string } }[]
          ports: { name: string; containerPort: number }[]
          startupProbe: Probe
          livenessProbe: Probe
          readinessProbe: Probe
          lifecycle?: { preStop: { exec: { command: string[] } } }
          securityContext: object
          volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[]
        }[]
        volumes: { name: string; projected?: { sources: { configMap: { name: string } }[] } }[]
      }
    }
  }
}

interface Kustomization {
  resources: string[]
  images: { name: string; newTag: string }[]
  configMapGenerator: { name: string; files?: string[]; literals?: string[] }[]
}

interface NetworkPolicy extends KubernetesObject {
  spec: { podSelector: Selector; ingress?: Rule[]; egress?: Rule[] }
}

interface Selector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: 'In'; values: string[] }[]
}

interface Rule {
  from?: { namespaceSelector: Selector }[]
  ports: { port: number }[]
}

type Service = KubernetesObject & {
  spec: { selector: object; ports: { name: string; port: number; targetPort: string }[] }
}

interface Values extends KubernetesObject {
  data?: Record<string, string>
  stringData?: Record<string, string>
}

const [kustomization] = documentsOf(`${FOLDER}/kustomization.yaml`) as [Kustomization]
const objects = kustomization.resources.flatMap((name) => documentsOf(`${FOLDER}/${name}`)) as KubernetesObject[]
const secrets = documentsOf(`${FOLDER}/secrets.example.yaml`) as Values[]
const raw = parse(textOf(`${FOLDER}/eastwatch.yaml`)) as {
  dataFolder: string
  bus: { kafka: { brokers: string[]; tls: { ca: string } } }
  collector: Record<'grpcAddress' | 'httpAddress', string>
  console: { address: string; url: string }
  storage: { url: string; tls: { ca: string } }
  telemetry: object
}
const { version } = JSON.parse(textOf('package.json')) as { version: string }

function ofKind<T extends KubernetesObject>(kind: string): T[] {
  return objects.filter((object) => object.kind === kind) as T[]
}

const deployments = ofKind<Deployment>('Deployment')
const deploymentOf = (role: RoleName) => deployments.find(({ metadata }) => metadata.name === role)!
const containerOf = (role: RoleName) => deploymentOf(role).spec.template.spec.containers[0]!
const portOf = (address: string) => Number(address.split(':').at(-1))
const healthPort = portOf(EastwatchConfig.parse({ telemetry: raw.telemetry }).telemetry.address)

/** Where each role's variables come from, the later before the earlier. */
function variablesOf(role: RoleName): Record<string, string> {
  const literals = kustomization.configMapGenerator.map(({ name, literals = [] }) => ({
    metadata: { name },
    data: Object.fromEntries(literals.map((literal) => literal.split(/=(.*)/s).slice(0, 2))) as Record<string, string>,
  }))
  const sources = [...literals, ...secrets] as Values[]
  return Object.assign(
    {},
    ...containerOf(role).envFrom.map(({ configMapRef, secretRef }) => {
      const { name } = (configMapRef ?? secretRef)!
      const source = sources.find(({ metadata }) => metadata.name === name)
      if (source === undefined) throw new Error(`${role} takes variables from ${name}, which is nowhere`)
      return source.data ?? source.stringData
    }),
  )
}

const missingSchemas = await fetchSchemas()
if (missingSchemas !== undefined) console.log(`checks against Kubernetes' schemas are skipped: ${missingSchemas}`)
const kubectl = await run('kubectl', ['version', '--client'])
if (kubectl.code !== 0)
  console.log('the test of what kubectl makes of kustomization.yaml is skipped: kubectl is not installed')

describe('deploy/kubernetes', () => {
  it('every file can be parsed, and is either part of the kustomization or the example of secrets', () => {
    const files = filesOf(FOLDER).map((path) => path.slice(FOLDER.length + 1))
    for (const name of files) expect(documentsOf(`${FOLDER}/${name}`).length, name).toBeGreaterThan(0)
    const configuration = kustomization.configMapGenerator.flatMap(({ files: own = [] }) => own)
    const known = [...kustomization.resources, ...configuration, 'kustomization.yaml', 'secrets.example.yaml']
    expect(files.sort()).toEqual(known.sort())
  })

  it.skipIf(missingSchemas !== undefined).for(VERSIONS)(
    'every object keeps to the schema of Kubernetes %s',
    (kubernetes) => {
      const check = schemaCheck(kubernetes)
      expect([...objects, ...secrets].flatMap(check)).toEqual([])
      const wrong = structuredClone(deployments[0]!)
      Object.assign(wrong.spec.template.spec.containers[0]!, { imag: 'x' })
      expect(check(wrong)).toHaveLength(1)
    },
  )

  it.skipIf(kubectl.code !== 0)('kubectl makes of it what is applied: names of what roles read included', async () => {
    const { code, out, err } = await run('kubectl', ['kustomize', join(ROOT, FOLDER)])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const made = parseYaml(out, 'kustomize') as Values[]
    if (missingSchemas === undefined) expect(made.flatMap(schemaCheck(VERSIONS.at(-1)!))).toEqual([])
    const maps = made.filter(({ kind }) => kind === 'ConfigMap')
    const configuration = maps.find(({ data }) => data!['eastwatch.yaml'] !== undefined)!
    expect(configuration.data!['eastwatch.yaml']).toBe(textOf(`${FOLDER}/eastwatch.yaml`))
    for (const { metadata, spec } of made.filter(({ kind }) => kind === 'Deployment') as unknown as Deployment[]) {
      const { projected } = spec.template.spec.volumes.find(({ name }) => name === 'configuration')!
      expect(projected!.sources[0]!.configMap.name, metadata.name).toBe(configuration.metadata.name)
    }
    expect(configuration.metadata.name).toMatch(/^eastwatch-[a-z0-9]{8,}$/)
  })

  it('all is in one namespace, which asks for the restricted pod security standard', () => {
    const [namespace] = ofKind('Namespace')
    expect(namespace!.metadata.labels).toHaveProperty(['pod-security.kubernetes.io/enforce'], 'restricted')
    for (const { kind, metadata } of [...objects, ...secrets]) {
      if (kind !== 'Namespace') expect(metadata.namespace, `${kind} ${metadata.name}`).toBe(namespace!.metadata.name)
    }
  })

  it('has a Deployment for each role, of this version', () => {
    expect(deployments.map(({ metadata }) => metadata.name).sort()).toEqual([...ALL_ROLES].sort())
    for (const role of ALL_ROLES) {
      expect(containerOf(role).args).toEqual([role])
      expect(containerOf(role).image).toBe(`eastwatch:${version}`)
      expect(deploymentOf(role).spec.replicas).toBeGreaterThan(1)
    }
    expect(kustomization.images).toEqual([{ name: 'eastwatch', newName: 'eastwatch', newTag: version }])
  })

  it('no pod has more rights than it needs, and every one has bounds', () => {
    const [user, group] = /^USER (\d+):(\d+)$/m.exec(textOf('deploy/Dockerfile'))!.slice(1).map(Number)
    for (const role of ALL_ROLES) {
      const { spec } = deploymentOf(role).spec.template
      expect(spec, role).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: user,
          runAsGroup: group,
          seccompProfile: { type: 'RuntimeDefault' },
        },
      })
      expect(containerOf(role), role).toMatchObject({
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: {
          requests: { cpu: expect.any(String), memory: expect.any(String), 'ephemeral-storage': expect.any(String) },
          limits: { memory: expect.any(String), 'ephemeral-storage': expect.any(String) },
        },
      })
    }
  })

  it('roles differ in what is theirs, and in nothing else', () => {
    const common = (role: RoleName) => {
      const copy = JSON.parse(JSON.stringify(deploymentOf(role)).replaceAll(`"${role}"`, '"role"')) as Deployment
      const { spec } = copy.spec.template
      const [container] = spec.containers
      Object.assign(copy.spec, { strategy: undefined })
      Object.assign(container!, { resources: undefined, envFrom: undefined, lifecycle: undefined })
      container!.ports = container!.ports.filter(({ name }) => name === 'health')
      container!.volumeMounts = container!.volumeMounts.filter(({ name }) => name !== 'policy')
      spec.volumes = spec.volumes
        .filter(({ name }) => name !== 'policy')
        .map(({ name, ...rest }) => (name === 'data' ? { name } : { name, ...rest }))
      return copy
    }
    for (const role of ALL_ROLES) expect(common(role), role).toEqual(common('collector'))
  })

  it('probes ask at the port of telemetry.address, for paths that are served there', async () => {
    const server = await serveHealth('127.0.0.1:0', new Health(), () => {})
    try {
      for (const role of ALL_ROLES) {
        const { ports, startupProbe, livenessProbe, readinessProbe } = containerOf(role)
        expect(startupProbe.httpGet.path).toBe(livenessProbe.httpGet.path)
        for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
          expect(ports.find(({ name }) => name === httpGet.port)!.containerPort).toBe(healthPort)
          expect((await fetch(`http://127.0.0.1:${server.port}${httpGet.path}`)).status).not.toBe(404)
        }
        // Alive is not ready: a process that waits is not killed.
        expect((await fetch(`http://127.0.0.1:${server.port}${livenessProbe.httpGet.path}`)).status).toBe(200)
        expect((await fetch(`http://127.0.0.1:${server.port}${readinessProbe.httpGet.path}`)).status).toBe(503)
      }
    } finally {
      await server.stop()
    }
  })

  const collectorPorts = {
    'grpc-otlp': portOf(raw.collector.grpcAddress),
    'http-otlp': portOf(raw.collector.httpAddress),
  }

  it.each<[string, RoleName, Record<string, number>]>([
    ['eastwatch', 'collector', collectorPorts],
    ['console', 'console', { http: portOf(raw.console.address) }],
  ])('the service %s leads to the pods of %s, at the ports of the configuration', (name, role, ports) => {
    const { spec } = ofKind<Service>('Service').find(({ metadata }) => metadata.name === name)!
    expect(spec.selector).toEqual(deploymentOf(role).spec.selector.matchLabels)
    expect(Object.fromEntries(spec.ports.map((one) => [one.name, one.port]))).toEqual(ports)
    for (const { name, port, targetPort } of spec.ports) {
      expect(targetPort).toBe(name)
      expect(containerOf(role).ports).toContainEqual({ name, containerPort: port })
    }
  })

  it('the guide for Istio names the collectors’ service', () => {
    const { name, namespace } = ofKind<Service>('Service').find(
      ({ metadata }) => metadata.name === 'eastwatch',
    )!.metadata
    const guide = textOf('docs/connect-istio.md')
    expect(guide).toContain(
      `service: ${name}.${namespace}.svc.cluster.local\n        port: ${collectorPorts['grpc-otlp']}`,
    )
    expect(guide).toContain('must be named `grpc-otlp`')
  })

  it('selectors select the pods of their role', () => {
    const budgets = ofKind<KubernetesObject & { spec: { selector: { matchLabels: object }; maxUnavailable: number } }>(
      'PodDisruptionBudget',
    )
    expect(budgets.map(({ metadata }) => metadata.name).sort()).toEqual([...ALL_ROLES].sort())
    for (const role of ALL_ROLES) {
      const { selector, template } = deploymentOf(role).spec
      expect(template.metadata.labels).toMatchObject(selector.matchLabels)
      expect(template.metadata.labels).toHaveProperty(['sidecar.istio.io/inject'], 'false')
      const budget = budgets.find(({ metadata }) => metadata.name === role)!
      expect(budget.spec).toEqual({ maxUnavailable: 1, selector })
      for (const { labelSelector } of template.spec.topologySpreadConstraints) expect(labelSelector).toEqual(selector)
    }
  })

  const policies = ofKind<NetworkPolicy>('NetworkPolicy')
  /** The policies that select the pods of a role. */
  const policiesOf = (role: RoleName) => {
    const { labels } = deploymentOf(role).spec.template.metadata
    return policies.filter(({ metadata, spec: { podSelector } }) => {
      const { matchLabels = {}, matchExpressions = [] } = podSelector
      return (
        metadata.name !== 'default-deny' &&
        Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
        matchExpressions.every(({ key, operator, values }) => operator === 'In' && values.includes(labels[key]!))
      )
    })
  }

  it('the network lets through the ports of the configuration and no other', () => {
    const deny = policies.find(({ metadata }) => metadata.name === 'default-deny')!
    expect(deny.spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
    const ports = (role: RoleName, direction: 'ingress' | 'egress') => {
      const found = policiesOf(role)
        .flatMap(({ spec }) => spec[direction] ?? [])
        .flatMap((rule) => rule.ports.map(({ port }) => port))
      return [...new Set(found)].sort((a, b) => a - b)
    }
    const kafka = portOf(raw.bus.kafka.brokers[0]!)
    const store = Number(new URL(raw.storage.url).port)
    for (const role of ALL_ROLES) {
      const own = containerOf(role)
        .ports.map(({ containerPort }) => containerPort)
        .sort((a, b) => a - b)
      expect(ports(role, 'ingress'), role).toEqual(own)
      const more = role === 'storage' || role === 'console' ? [store] : role === 'alerts' ? [443] : []
      expect(ports(role, 'egress'), role).toEqual([53, kafka, ...more].sort((a, b) => a - b))
    }
  })

  it('a role has time to finish: after it was told to stop, and before that until no sender is led to it', () => {
    const [, seconds] = containerOf('collector').lifecycle!.preStop.exec.command
    for (const role of ALL_ROLES) {
      const { terminationGracePeriodSeconds } = deploymentOf(role).spec.template.spec
      expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(Number(seconds) * 1000 + 2 * STOP_MS)
    }
  })

  it('people reach the console through the ingress controller alone, which speaks TLS to them', () => {
    const [rule, ...others] = policiesOf('console')
      .flatMap(({ spec }) => spec.ingress ?? [])
      .filter(({ ports }) => ports.some(({ port }) => port === portOf(raw.console.address)))
    expect(others).toEqual([])
    expect(rule!.from).toEqual([
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } } },
    ])
    expect(new URL(raw.console.url).protocol).toBe('https:')
  })

  it('gives each role all that the configuration names, and secrets only to the roles that use them', () => {
    const more: Partial<Record<RoleName, string[]>> = {
      storage: ['eastwatch-store-writer', 'eastwatch-store-reader'],
      console: ['eastwatch-store-reader', 'eastwatch-console'],
    }
    const named = variablesIn(`${FOLDER}/eastwatch.yaml`)
    for (const role of ALL_ROLES) {
      expect(Object.keys(variablesOf(role)).sort(), role).toEqual(named)
      // Of two that have a variable the later is taken: no stand-in covers a secret.
      const taken = containerOf(role).envFrom.map(({ configMapRef, secretRef }) => (configMapRef ?? secretRef)!.name)
      expect(taken).toEqual(['eastwatch-stand-ins', `eastwatch-kafka-${role}`, ...(more[role] ?? [])])
    }
  })
})

describe('deploy/kubernetes, mounted', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-kubernetes-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('config check passes for every role, and for the console only with the hash of a token', async () => {
    cpSync(join(ROOT, FOLDER, 'eastwatch.yaml'), join(folder, 'eastwatch.yaml'))
    const authorities = secrets.find(({ metadata }) => metadata.name === 'eastwatch-authorities')!
    for (const name of Object.keys(authorities.data!)) writeFileSync(join(folder, name), rootCertificates[0]!)
    expect([raw.bus.kafka.tls.ca, raw.storage.tls.ca]).toEqual(
      Object.keys(authorities.data!).map((name) => `file:${name}`),
    )
    for (const role of ALL_ROLES) {
      const env = variablesOf(role)
      const own = { EASTWATCH_CONSOLE_TOKEN_SHA256: makeToken().sha256, EASTWATCH_CONSOLE_SESSION_KEY: 'a1'.repeat(32) }
      const made = role === 'console' ? own : {}
      const { code, out, err } = await eastwatch(folder, ['config', 'check'], { ...env, ...made })
      expect({ role, code, out, err }).toEqual({ role, code: 0, out: 'the configuration is fine\n', err: '' })
    }
    const { code, err } = await eastwatch(folder, ['config', 'check'], variablesOf('console'))
    expect(code).toBe(2)
    expect(err).toContain('not 64 hex digits; eastwatch token makes them')
  })

  it('volumes are where the configuration looks, and each is declared', () => {
    for (const role of ALL_ROLES) {
      const { volumeMounts } = containerOf(role)
      const { volumes } = deploymentOf(role).spec.template.spec
      expect(volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.map(({ name }) => name).sort())
      const at = Object.fromEntries(volumeMounts.map(({ name, mountPath }) => [name, mountPath]))
      expect(at.data).toBe(raw.dataFolder)
      expect(at.configuration).toBe(/^WORKDIR (\/etc\S+)$/m.exec(textOf('deploy/Dockerfile'))![1])
      expect(at.policy).toBe(
        role === 'collector' ? join(raw.dataFolder, EastwatchConfig.parse({}).policy.folder) : undefined,
      )
      expect(volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ name }) => name)).toEqual(['data'])
    }
  })

  it('declared objects can be a ConfigMap, mounted as the kubelet does, or not be there', () => {
    const { policy } = EastwatchConfig.parse({})
    const at = (name: string) => ({ ...policy, folder: join(folder, name) })
    expect(readPolicy(at('nowhere')).inventory.known).toBe(false)
    mkdirSync(join(folder, 'policy/..2026_01_01'), { recursive: true })
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'cart', namespace: 'shop' }, spec: {} }
    writeFileSync(
      join(folder, 'policy/..2026_01_01/mesh.json'),
      JSON.stringify({ kind: 'List', apiVersion: 'v1', items: [service] }),
    )
    symlinkSync('..2026_01_01', join(folder, 'policy/..data'))
    symlinkSync('..data/mesh.json', join(folder, 'policy/mesh.json'))
    expect(readPolicy(at('policy')).inventory.known).toBe(true)
  })
})
