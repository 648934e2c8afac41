import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { CollectorConfig } from '../../collector/config.ts'
import { FIELD_ALIASES } from '../../collector/otlp/log-record.ts'
import { findEnvoy } from './binary.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const blocks = (path: string): string[] => [...read(path).matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!)

interface Attribute {
  key: string
  value: { string_value: string }
}
interface Logger {
  name: string
  typed_config: { attributes: { values: Attribute[] }; grpc_service: { envoy_grpc: { cluster_name: string } } }
}

const deployed = read('deploy/envoy/access-log.yaml')
const snippet = (parse(deployed) as Logger[])[0]!
const attributesOf = (logger: Logger): Record<string, string> =>
  Object.fromEntries(logger.typed_config.attributes.values.map(({ key, value }) => [key, value.string_value]))
const asked = attributesOf(snippet)

/** Labels that say who reports: Envoy has them as resource attributes, Istio does not send any. */
const REPORTER = /^k8s\./
const withoutReporter = (labels: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !REPORTER.test(key)))

const envoyBlocks = blocks('docs/connect-envoy.md')
const [istioMesh, , istioFilter] = blocks('docs/connect-istio.md').map((text) => parseAllDocuments(text)[0]!.toJS())
const istioLabels = istioMesh.meshConfig.extensionProviders[0].envoyOtelAls.logFormat.labels as Record<string, string>
const istioLogger = istioFilter.spec.configPatches[0].patch.value.access_log[0] as Logger

describe('guides', () => {
  it('docs/connect-envoy.md quotes deploy/envoy/access-log.yaml word for word', () => {
    expect(envoyBlocks).toContain(deployed)
  })

  it("docs/connect-envoy.md's configuration of the collector is one", () => {
    const [section] = envoyBlocks.map((text) => parse(text)).filter((block) => 'collector' in block)
    expect(Object.keys(section)).toEqual(['collector'])
    expect(CollectorConfig.parse(section.collector)).toMatchObject(section.collector)
  })

  it('every attribute but the cipher is one the reader knows', () => {
    const known = new Set<string>(Object.values(FIELD_ALIASES).flat())
    const unknown = [...Object.keys(asked), ...Object.keys(istioLabels)].filter((key) => !known.has(key))
    expect(new Set(unknown)).toEqual(new Set(['downstream_tls_cipher']))
  })

  it('the labels for Istio are the attributes for Envoy', () => {
    expect(withoutReporter(istioLabels)).toEqual(asked)
    expect(Object.keys(istioLabels).filter((key) => REPORTER.test(key)).length).toBe(5)
  })

  it("Istio's listener log has the same labels as its other logs", () => {
    expect(attributesOf(istioLogger)).toEqual(istioLabels)
  })
})

const envoy = await findEnvoy()
if ('missing' in envoy) console.log(`checking the guides against Envoy is skipped: ${envoy.missing}`)

/** A bootstrap with the logger in all three places the guide names. */
function bootstrap(logger: Logger, cluster: object): object {
  const type = (name: string, fields: object): object => ({ '@type': `type.googleapis.com/${name}`, ...fields })
  const manager = type('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'http',
    access_log: [logger],
    route_config: { virtual_hosts: [] },
    http_filters: [{ name: 'router', typed_config: type('envoy.extensions.filters.http.router.v3.Router', {}) }],
  })
  const proxy = type('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: 'tcp',
    access_log: [logger],
    cluster: 'eastwatch',
  })
  const listener = (name: string, typed_config: object): object => ({
    name,
    access_log: [logger],
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [{ name, typed_config }] }],
  })
  return { static_resources: { clusters: [cluster], listeners: [listener('http', manager), listener('tcp', proxy)] } }
}

describe.skipIf('missing' in envoy)('guides against the real Envoy', () => {
  async function validate(config: object): Promise<string> {
    if ('missing' in envoy) return envoy.missing
    const folder = mkdtempSync(join(tmpdir(), 'eastwatch-guide-'))
    try {
      const file = join(folder, 'envoy.json')
      writeFileSync(file, JSON.stringify(config))
      const done = await promisify(execFile)(envoy.path, ['--mode', 'validate', '-c', file, '--disable-hot-restart'])
      return done.stdout + done.stderr
    } catch (error) {
      return String((error as { stderr?: string }).stderr)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const cluster = (parse(envoyBlocks[0]!) as { name: string }[])[0]!

  it("accepts the Envoy guide's cluster and access log on HTTP, TCP and the listener", async () => {
    expect(await validate(bootstrap(snippet, cluster))).toContain("envoy.json' OK")
  })

  it("accepts the Istio guide's listener log", async () => {
    const name = istioLogger.typed_config.grpc_service.envoy_grpc.cluster_name
    const renamed = JSON.parse(JSON.stringify(cluster).replaceAll('"eastwatch"', JSON.stringify(name)))
    const config = JSON.stringify(bootstrap(istioLogger, renamed)).replaceAll(
      '"cluster":"eastwatch"',
      `"cluster":"${name}"`,
    )
    expect(await validate(JSON.parse(config))).toContain("envoy.json' OK")
  })

  it('would refuse an operator it does not know', async () => {
    const wrong = JSON.parse(JSON.stringify(snippet).replace('%DURATION%', '%NO_SUCH_OPERATOR%'))
    expect(await validate(bootstrap(wrong, cluster))).toContain('NO_SUCH_OPERATOR')
  })
})
