/** What the image has in node_modules is what the program imports; and without its optional packages all else works. */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { ALL_ROLES } from '../../cli/roles/role.ts'
import { FREE_PORTS, until } from '../cli/command.ts'
import { type Broker, startBroker } from '../kafka/broker.ts'
import { ROOT, textOf } from './files.ts'
import { run } from './run.ts'

const DIST = join(ROOT, 'dist')
/** What runs the roles: the command, and the collector's thread. The embedded store is a process of its own. */
const ROLE_ENTRIES = ['cli/main.js', 'cli/commands/role.js', 'cli/commands/config.js', 'collector/thread/main.js']
const STORE_ENTRY = 'storage/embedded/server.js'

const manifest = JSON.parse(textOf('package.json')) as Record<
  'dependencies' | 'optionalDependencies',
  Record<string, string>
>
const lock = JSON.parse(textOf('package-lock.json')) as { packages: Record<string, { dev?: boolean }> }

const IMPORT =
  /^(?:import|export)\s[\w\s{},*$]*\bfrom ['"]([^'"]+)['"]|^import ['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm

/** Packages that a compiled file imports, with all that it imports, also when it is asked for later. */
function packagesFrom(entries: readonly string[]): Set<string> {
  const packages = new Set<string>()
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const text = readFileSync(file, 'utf8')
    for (const [, one, two, three] of text.matchAll(IMPORT)) {
      const name = (one ?? two ?? three)!
      if (name.startsWith('.')) visit(join(dirname(file), name))
      else if (!name.startsWith('node:'))
        packages.add(name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : name.split('/')[0]!)
    }
  }
  for (const entry of entries) visit(join(DIST, entry))
  return packages
}

describe('packages of the image', () => {
  it('hold everything that a role imports, and the embedded store’s package is not among that', () => {
    const imported = packagesFrom(ROLE_ENTRIES)
    expect(imported.size).toBeGreaterThan(5)
    expect(Object.keys(manifest.dependencies)).toEqual(expect.arrayContaining([...imported]))
    for (const name of imported) expect(lock.packages[`node_modules/${name}`], name).not.toHaveProperty('dev')
    // The walk does see what is imported at need.
    expect(packagesFrom([STORE_ENTRY])).toContain('chdb')
  })
})

const MISSING = 'the embedded store needs the optional package chdb, which is not installed'
const started = await startBroker()
if ('missing' in started) console.log(`tests of roles without optional packages are skipped: ${started.missing}`)
const folder = mkdtempSync(join(tmpdir(), 'eastwatch-packages-'))
const lean = await installLean(join(folder, 'app'))
if (lean.missing !== undefined) console.log(`tests without optional packages are skipped: ${lean.missing}`)

/** What `npm ci --omit=optional` makes of this project. lmdb's native part is then built; the headers are those that came with node. */
async function installLean(app: string): Promise<{ missing?: string }> {
  const headers = dirname(dirname(process.execPath))
  if (!existsSync(join(headers, 'include/node/node.h'))) return { missing: `no headers of node in ${headers}` }
  cpSync(DIST, join(app, 'dist'), { recursive: true })
  for (const name of ['package.json', 'package-lock.json']) writeFileSync(join(app, name), textOf(name))
  const env = { ...process.env, npm_config_nodedir: headers }
  const { code, err } = await run('npm', ['ci', '--omit=dev', '--omit=optional'], { cwd: app, env })
  return code === 0 ? {} : { missing: `npm ci --omit=optional: ${err.slice(-500)}` }
}

describe.skipIf(lean.missing !== undefined)('after npm ci --omit=optional', () => {
  afterAll(() => rmSync(folder, { recursive: true }))
  const main = join(folder, 'app/dist/cli/main.js')

  it('no package is there for one platform only, nor the embedded store', () => {
    for (const name of ['chdb', '@chdb', '@lmdb', '@napi-rs', '@antoniomuso']) {
      expect({ name, everywhere: existsSync(join(ROOT, 'node_modules', name)) }).toEqual({ name, everywhere: true })
      expect({ name, lean: existsSync(join(folder, 'app/node_modules', name)) }).toEqual({ name, lean: false })
    }
  })

  const folderWith = (config: object) => {
    const at = mkdtempSync(join(folder, 'run-'))
    writeFileSync(join(at, 'eastwatch.yaml'), stringify({ ...FREE_PORTS, ...config }))
    return at
  }
  const eastwatch = (args: string[], config: object) =>
    run(process.execPath, [main, ...args], { cwd: folderWith(config) })
  const server = { url: 'http://127.0.0.1:1' }

  it('config check passes, and query asks a server', async () => {
    const checked = await eastwatch(['config', 'check'], { storage: server })
    expect(checked).toMatchObject({ code: 0, out: 'the configuration is fine\n' })
    const { code, err } = await eastwatch(['query', 'SELECT 1'], { storage: server })
    expect(code).toBe(1)
    expect(err).toContain('ECONNREFUSED')
  })

  it('every role comes as far as a Kafka that is not there, and says so', async () => {
    const bus = { kafka: { brokers: ['127.0.0.1:1'] } }
    const ends = await Promise.all(ALL_ROLES.map((role) => eastwatch([role], { bus, storage: server })))
    for (const [i, { code, err }] of ends.entries()) {
      expect({ role: ALL_ROLES[i], code }).toEqual({ role: ALL_ROLES[i], code: 1 })
      expect(err).toContain(`eastwatch ${ALL_ROLES[i]}: Kafka: `)
      expect(err).toContain('127.0.0.1:1')
    }
  }, 60_000)

  it('what needs it ends with the package to install', async () => {
    const { code, err } = await eastwatch(['up'], {})
    expect(code).toBe(2)
    expect(err).toContain(MISSING)
  }, 60_000)

  describe.skipIf('missing' in started)('on Kafka', () => {
    afterAll(() => (started as Broker).stop())
    const bus = () => ({ kafka: { brokers: [(started as Broker).brokers], replicationFactor: 1 } })

    it.for([...ALL_ROLES])('%s starts, if need be without its server', { timeout: 120_000 }, async (role) => {
      const child = spawn(process.execPath, [main, role], { cwd: folderWith({ bus: bus(), storage: server }) })
      const gone = new Promise<number | null>((resolve) => child.once('close', resolve))
      let said = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (text) => {
          said += text
        })
      }
      try {
        await until(() => said.includes(role === 'storage' ? 'the store is not ready yet' : 'Ctrl-C stops it'), 60_000)
        expect(child.exitCode).toBe(null)
      } finally {
        child.kill('SIGTERM')
      }
      expect(await gone).toBe(0)
    })

    it('a collector that is to read Kafka ends with what to install', async () => {
      const { code, err } = await eastwatch(['collector'], {
        bus: bus(),
        collector: { ...FREE_PORTS.collector, kafka: {} },
      })
      expect(code).toBe(2)
      expect(err).toContain('collector.kafka needs the native parts of snappy and lz4-napi')
    }, 60_000)

    it('console without a server ends with the setting to make', async () => {
      const { code, err } = await eastwatch(['console'], { bus: bus() })
      expect(code).toBe(2)
      expect(err).toContain('storage.url is needed')
    }, 60_000)

    it('storage without a server ends with the package to install', async () => {
      const { code, err } = await eastwatch(['storage'], { bus: bus() })
      expect(code).toBe(2)
      expect(err).toContain(MISSING)
    }, 60_000)
  })
})
