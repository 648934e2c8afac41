/** deploy/compose: the file is one in the eyes of Compose's schema, and everything in it fits together. */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import { connect, createServer } from 'node:tls'
import { parseEnv } from 'node:util'
import { Ajv } from 'ajv'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { EastwatchConfig } from '../../cli/config.ts'
import { ROLES } from '../../cli/roles/role.ts'
import { eastwatch } from '../cli/command.ts'
import { documentsOf, filesOf, ROOT, textOf, variablesIn } from './files.ts'
import { run } from './run.ts'

interface Service {
  image: string
  user: string
  command?: string[]
  environment: Record<string, string>
  volumes: string[]
  networks: string[]
  ports?: string[]
  restart: string
  read_only: boolean
  cap_drop: string[]
  security_opt: string[]
  mem_limit: string
  build?: { context: string; dockerfile: string; args: Record<string, string> }
  healthcheck?: object
  depends_on?: Record<string, { condition: string }>
}

interface Compose {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean }>
  volumes: Record<string, object>
}

const FOLDER = 'deploy/compose'
const [compose] = documentsOf(`${FOLDER}/compose.yaml`) as [Compose]
const services = Object.entries(compose.services)
const roles = ROLES.map((role) => [role, compose.services[role]!] as const)
const { version } = JSON.parse(textOf('package.json')) as { version: string }

/** A copy of deploy/ with what prepare.sh makes; undefined where there is no openssl. */
const prepared = await prepare()
if (prepared === undefined)
  console.log('tests of what prepare.sh makes are skipped: the openssl command is not installed')
afterAll(() => {
  if (prepared !== undefined) rmSync(prepared.folder, { recursive: true })
})

async function prepare() {
  if ((await run('openssl', ['version'])).code !== 0) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-compose-'))
  cpSync(join(ROOT, 'deploy'), join(folder, 'deploy'), {
    recursive: true,
    filter: (path) => !/\/compose\/(\.env|tls|policy)$/.test(path),
  })
  const made = await run('sh', [join(folder, FOLDER, 'prepare.sh')])
  const env = parseEnv(readFileSync(join(folder, FOLDER, '.env'), 'utf8')) as Record<string, string>
  return { folder, compose: join(folder, FOLDER), made, env }
}

/** As Compose fills in `${NAME:?message}`. */
function environmentOf(role: string, env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(compose.services[role]!.environment).map(([name, value]) => [
      name,
      value.replace(/\$\{(\w+):\?[^}]*\}/g, (_, variable: string) => env[variable]!),
    ]),
  )
}

describe('deploy/compose', () => {
  it('every file can be parsed', () => {
    for (const path of filesOf(FOLDER).filter((name) => name.endsWith('.yaml'))) {
      expect(documentsOf(path), path).toHaveLength(1)
    }
  })

  it('the file keeps to the schema that Compose publishes', () => {
    const schema = JSON.parse(readFileSync(join(ROOT, 'node_modules/dclint/schemas/compose.schema.json'), 'utf8'))
    // A draft-07 schema, which names that draft by an address of its own.
    const check = new Ajv({ strict: false, validateFormats: false }).compile({ ...schema, $schema: undefined })
    check(compose)
    expect(check.errors).toBe(null)
    expect(check({ ...compose, services: { ...compose.services, extra: { imag: 'x' } } })).toBe(false)
  })

  it('has the four roles of this version, built by the Dockerfile without the embedded store', () => {
    for (const [role, service] of roles) {
      expect(service.command).toEqual([role])
      expect(service.image).toBe(`eastwatch:${version}`)
      expect(service.build!.args).toEqual({ EMBEDDED_STORE: 'no' })
      expect(existsSync(join(ROOT, FOLDER, service.build!.context, service.build!.dockerfile))).toBe(true)
    }
  })

  it('every image has a tag of its own, and Kafka is the one that the tests run', () => {
    for (const [name, { image }] of services) expect(image, name).toMatch(/^[a-z/-]+:(?!latest)\d[\w.]*$/)
    const tested = /<artifactId>kafka_[^<]*<\/artifactId>\s*<version>([^<]+)/.exec(textOf('scripts/kafka/pom.xml'))![1]
    expect(compose.services.kafka!.image).toBe(`apache/kafka:${tested}`)
  })

  it('nothing runs as root, writes outside its volumes, gains a right or takes all memory; all start again', () => {
    for (const [name, service] of services) {
      expect(Number.parseInt(service.user, 10), name).toBeGreaterThan(0)
      expect(service, name).toMatchObject({
        restart: 'unless-stopped',
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        mem_limit: expect.stringMatching(/^\d+[mg]$/),
      })
    }
  })

  it('publishes on this machine alone, and waits for what has a health check', () => {
    for (const [name, { ports = [], depends_on = {} }] of services) {
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect([name, other, condition]).toEqual([name, other, 'service_healthy'])
        expect(compose.services[other]!.healthcheck, other).toBeDefined()
      }
    }
  })

  it('lets each part reach what it needs and no more', () => {
    const members = (network: string) =>
      services.filter(([, one]) => one.networks.includes(network)).map(([name]) => name)
    expect(members('bus').sort()).toEqual(['kafka', ...ROLES].sort())
    expect(members('store').sort()).toEqual(['clickhouse', 'grafana', 'storage'])
    expect(members('telemetry').sort()).toEqual(['collector', 'otel-collector'])
    for (const [name, { networks }] of services) {
      for (const network of networks) expect(compose.networks, name).toHaveProperty(network)
    }
    const reachOut = services.filter(([, one]) =>
      one.networks.some((name) => compose.networks[name]!.internal !== true),
    )
    expect(reachOut.map(([name]) => name).sort()).toEqual(['alerts', 'grafana', 'otel-collector'])
  })

  it('mounts files that are there or that prepare.sh makes, and volumes that are declared', () => {
    for (const [name, { volumes }] of services) {
      for (const [source, target, mode] of volumes.map((volume) => volume.split(':'))) {
        expect(target, name).toMatch(/^\//)
        if (!source!.startsWith('.')) expect(compose.volumes, name).toHaveProperty(source!)
        else {
          expect(mode, source).toBe('ro')
          const made = /tls|policy/.test(source!)
          const path = join(made && prepared !== undefined ? prepared.compose : join(ROOT, FOLDER), source!)
          if (prepared !== undefined || !made) expect(existsSync(path), source).toBe(true)
        }
      }
    }
  })

  it('asks for the variables of .env.example and for no others, and gives none of them a value', () => {
    const example = parseEnv(textOf(`${FOLDER}/.env.example`)) as Record<string, string>
    const asked = [...textOf(`${FOLDER}/compose.yaml`).matchAll(/\$\{(\w+)(:\?[^}]*)?\}/g)]
    // Without a value Compose does not start.
    for (const [whole, , refusal] of asked) expect(refusal, whole).toMatch(/^:\?./)
    expect([...new Set(asked.map(([, name]) => name!))].sort()).toEqual(Object.keys(example).sort())
    expect(Object.values(example).every((value) => value === '')).toBe(true)
  })

  it('gives each role all that the configuration names, and real secrets only where they are used', () => {
    const named = variablesIn(`${FOLDER}/eastwatch.yaml`)
    const real = (role: string) =>
      Object.entries(compose.services[role]!.environment).flatMap(([name, value]) =>
        value.startsWith('$') ? [name] : [],
      )
    for (const role of ROLES)
      expect(Object.keys(compose.services[role]!.environment)).toEqual(expect.arrayContaining(named))
    expect(Object.fromEntries(ROLES.map((role) => [role, real(role).sort()]))).toEqual({
      storage: ['EASTWATCH_READER_PASSWORD', 'EASTWATCH_WRITER_PASSWORD'],
      alerts: [],
      detectors: [],
      collector: ['EASTWATCH_TOKEN_SHA256'],
    })
  })

  it('ClickHouse takes both users from deploy/clickhouse/users.sql, by the hashes of their passwords', async () => {
    const { volumes } = compose.services.clickhouse!
    const script = textOf(`${FOLDER}/clickhouse/make-users.sh`)
    const mounted = volumes.find((volume) => volume.includes('users.sql'))!.split(':')
    expect(normalize(join(FOLDER, mounted[0]!))).toBe('deploy/clickhouse/users.sql')
    expect(script).toContain(mounted[1]!)
    const folder = mkdtempSync(join(tmpdir(), 'eastwatch-users-'))
    try {
      // In the place of ClickHouse's client: tells what it was told.
      writeFileSync(join(folder, 'clickhouse-client'), '#!/bin/sh\ncat\n', { mode: 0o755 })
      const passwords = { EASTWATCH_WRITER_PASSWORD: 'writes', EASTWATCH_READER_PASSWORD: 'reads' }
      const here = script.replace(mounted[1]!, join(ROOT, 'deploy/clickhouse/users.sql'))
      const { code, out } = await run('sh', ['-c', here], {
        env: { ...process.env, ...passwords, PATH: `${folder}:${process.env.PATH}` },
      })
      expect(code).toBe(0)
      const hash = (text: string) => createHash('sha256').update(text).digest('hex')
      for (const [user, password] of [
        ['writer', 'writes'],
        ['reader', 'reads'],
      ] as const) {
        expect(out).toContain(
          `CREATE USER IF NOT EXISTS eastwatch_${user} IDENTIFIED WITH sha256_hash BY '${hash(password)}'`,
        )
      }
      expect(out).not.toMatch(/^[^-]*HASH OF/m)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('the OpenTelemetry Collector sends to the collector’s gRPC port, with its token', () => {
    const [{ exporters, receivers, processors, extensions, service }] = documentsOf(
      `${FOLDER}/otel-collector.yaml`,
    ) as [
      {
        exporters: { otlp: { endpoint: string; headers: { authorization: string } } }
        receivers: object
        processors: object
        extensions: object
        service: {
          extensions: string[]
          pipelines: Record<string, Record<'receivers' | 'processors' | 'exporters', string[]>>
        }
      },
    ]
    const { collector } = parse(textOf(`${FOLDER}/eastwatch.yaml`)) as { collector: { grpcAddress: string } }
    expect(exporters.otlp.endpoint).toBe(`collector:${collector.grpcAddress.split(':')[1]}`)
    const [, variable] = /^Bearer \$\{env:(\w+)\}$/.exec(exporters.otlp.headers.authorization)!
    expect(compose.services['otel-collector']!.environment).toHaveProperty(variable!)
    expect(Object.keys(extensions)).toEqual(service.extensions)
    for (const pipeline of Object.values(service.pipelines)) {
      for (const name of pipeline.receivers) expect(receivers).toHaveProperty(name)
      for (const name of pipeline.processors) expect(processors).toHaveProperty(name)
      for (const name of pipeline.exporters) expect(exporters).toHaveProperty(name)
    }
  })

  it('Grafana asks ClickHouse as eastwatch_reader, at the address that Eastwatch has', () => {
    const [{ datasources }] = documentsOf(`${FOLDER}/grafana/data-source.yaml`) as [
      { datasources: { jsonData: Record<string, unknown>; secureJsonData: Record<string, string> }[] },
    ]
    const { storage } = parse(textOf(`${FOLDER}/eastwatch.yaml`)) as { storage: { url: string } }
    const { host, port, secure, username } = datasources[0]!.jsonData
    expect(`http${secure ? 's' : ''}://${host}:${port}`).toBe(storage.url)
    expect(username).toBe('eastwatch_reader')
    expect(textOf(`${FOLDER}/clickhouse/server.xml`)).toContain(`<https_port>${port}</https_port>`)
    const { password, tlsCACert } = datasources[0]!.secureJsonData
    expect(compose.services.grafana!.environment).toHaveProperty(password!.slice(1))
    const mounted = Object.fromEntries(
      compose.services.grafana!.volumes.map((volume) => volume.split(':').reverse().slice(1)),
    )
    expect(mounted).toHaveProperty([/\{(.*)\}/.exec(tlsCACert!)![1]!])
    const [{ providers }] = documentsOf('deploy/grafana/provisioning/dashboards/eastwatch.yaml') as [
      { providers: { options: { path: string } }[] },
    ]
    expect(normalize(join(FOLDER, mounted[providers[0]!.options.path]!))).toBe('dashboards/grafana/generated')
  })
})

describe.skipIf(prepared === undefined)('deploy/compose/prepare.sh', () => {
  // The body is run where it is skipped, too.
  const { compose: folder, made, env } = prepared ?? ({} as NonNullable<typeof prepared>)

  it('fills in every secret, for nobody else to read, and leaves alone what is there', async () => {
    expect(made).toMatchObject({ code: 0, out: 'made .env\nmade tls/\n' })
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'tls')).mode & 0o777).toBe(0o700)
    expect(Object.values(env).every((value) => /^[0-9a-f]{48,}$/.test(value))).toBe(true)
    expect(new Set(Object.values(env)).size).toBe(Object.keys(env).length)
    expect(createHash('sha256').update(env.EASTWATCH_TOKEN!).digest('hex')).toBe(env.EASTWATCH_TOKEN_SHA256)
    const before = readFileSync(join(folder, '.env'), 'utf8')
    expect(await run('sh', [join(folder, 'prepare.sh')])).toMatchObject({ code: 0, out: '' })
    expect(readFileSync(join(folder, '.env'), 'utf8')).toBe(before)
  })

  it('its certificate is trusted by its authority, for the host of storage.url', async () => {
    const read = (name: string) => readFileSync(join(folder, 'tls', name))
    const server = createServer({ cert: read('clickhouse.pem'), key: read('clickhouse.key') }, (socket) => socket.end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { storage } = parse(textOf(`${FOLDER}/eastwatch.yaml`)) as { storage: { url: string } }
    const servername = new URL(storage.url).hostname
    const authorized = await new Promise<boolean>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, servername, ca: read('ca.pem') }, () => {
        resolve(socket.authorized)
        socket.destroy()
      })
      socket.on('error', reject)
    })
    server.close()
    expect(authorized).toBe(true)
  })

  it('config check passes for every role, as it is given its environment', async () => {
    for (const role of ROLES) {
      const config = join(folder, 'eastwatch.yaml')
      const { code, out, err } = await eastwatch(
        folder,
        ['config', 'check', '--config', config],
        environmentOf(role, env),
      )
      expect({ role, code, out, err }).toEqual({ role, code: 0, out: 'the configuration is fine\n', err: '' })
    }
  })

  it('the health check of the image asks at the port of telemetry.address', () => {
    const raw = parse(textOf(`${FOLDER}/eastwatch.yaml`)) as { telemetry: object }
    const { telemetry } = EastwatchConfig.parse({ telemetry: raw.telemetry })
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(textOf('deploy/Dockerfile'))!
    expect(telemetry.address).toBe(`0.0.0.0:${port}`)
  })
})
