/** Each start that cannot work: one clear sentence, the right exit code, nothing left running, within seconds. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, eastwatch, FREE_PORTS, folderWith, runningIn, up } from './command.ts'
import { mountDisk } from './disk.ts'

/** Generous: other tests share this machine. Alone it is about two. */
const SECONDS = 15

let other: Server
let taken: number
const folders: string[] = []

beforeAll(async () => {
  other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  taken = (other.address() as AddressInfo).port
})

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

afterAll(() => {
  other.close()
})

function prepared(config: object | string): string {
  const folder = folderWith(config)
  folders.push(folder)
  return folder
}

async function refusedStart(folder: string, env: Record<string, string> = {}): Promise<Ended> {
  const since = performance.now()
  const ended = await eastwatch(folder, ['up'], env)
  expect(performance.now() - since).toBeLessThan(SECONDS * 1000)
  expect(ended.err).not.toMatch(/^ +at /m)
  expect(ended.out).toBe('')
  expect(runningIn(folder)).toEqual([])
  return ended
}

/** What it said itself, without log lines. */
const said = ({ err }: Ended) =>
  err
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('{'))
    .join('\n')

describe('a port in use', () => {
  it.each([
    ['collector.grpcAddress', () => ({ collector: { ...FREE_PORTS.collector, grpcAddress: `127.0.0.1:${taken}` } })],
    ['collector.httpAddress', () => ({ collector: { ...FREE_PORTS.collector, httpAddress: `127.0.0.1:${taken}` } })],
    ['storage.port', () => ({ storage: { port: taken } })],
    ['telemetry.address', () => ({ telemetry: { address: `127.0.0.1:${taken}` } })],
  ])('of %s is named, with its key and what to do', async (key, change) => {
    const ended = await refusedStart(prepared({ ...FREE_PORTS, ...change() }))
    expect(ended.code).toBe(1)
    expect(said(ended)).toMatch(new RegExp(`^eastwatch up: ${key}.*: port ${taken} is in use; .+ to another port$`))
  })
})

describe('a data folder', () => {
  it('that is a file', async () => {
    const folder = prepared({ ...FREE_PORTS, dataFolder: 'data' })
    writeFileSync(join(folder, 'data'), '')
    const ended = await refusedStart(folder)
    expect(ended.code).toBe(1)
    expect(said(ended)).toBe(
      `eastwatch up: data folder ${folder}/data: it is a file; set dataFolder to a folder that this user may write, or mend this one`,
    )
  })

  it.skipIf(process.platform !== 'linux').each(['/proc/eastwatch/data', '/proc/self/eastwatch', '/dev/null/data'])(
    'where none can be made: %s',
    async (dataFolder) => {
      const ended = await refusedStart(prepared({ ...FREE_PORTS, dataFolder }))
      expect(ended.code).toBe(1)
      expect(said(ended)).toMatch(
        new RegExp(
          `^eastwatch up: data folder ${dataFolder}: (no folder can be made there|it is a file, or lies under one); set`,
        ),
      )
    },
  )

  it('that cannot be written', async (context) => {
    const folder = prepared({ ...FREE_PORTS, dataFolder: 'closed' })
    const closed = join(folder, 'closed')
    mkdirSync(closed, { mode: 0o500 })
    // Modes do not bind root; a file system that is read-only does.
    const disk = process.getuid?.() === 0 ? mountDisk(closed, 'ro') : undefined
    if (process.getuid?.() === 0 && disk === undefined) return context.skip('no file system can be mounted here')
    try {
      const ended = await refusedStart(folder)
      expect(ended.code).toBe(1)
      expect(said(ended)).toMatch(
        /^eastwatch up: data folder \S+closed: (its file system is read-only|this user may not write it); set dataFolder to a folder/,
      )
    } finally {
      disk?.unmount()
    }
  })

  it('that another process uses, which is named and goes on', async () => {
    const folder = prepared(FREE_PORTS)
    const first = await up(folder)
    const second = await eastwatch(folder, ['up'])
    expect(second.code).toBe(1)
    expect(said(second)).toContain(`is in use by process ${first.child.pid}`)
    expect(said(second)).toContain('stop it first')
    expect((await fetch(`${first.health}/readyz`)).status).toBe(200)
    expect((await first.stop()).code).toBe(0)

    // The same folder, now with another number of partitions.
    writeFileSync(join(folder, 'eastwatch.yaml'), JSON.stringify({ ...FREE_PORTS, bus: { partitions: 3 } }))
    const ended = await refusedStart(folder)
    expect(ended.code).toBe(2)
    expect(said(ended)).toMatch(/was made with 1 partitions, not 3: .*bus\.partitions/)
  })
})

describe('what is written wrongly', () => {
  it('a broken policy file is named with its line', async () => {
    const folder = prepared(FREE_PORTS)
    const policy = join(folder, 'eastwatch-data/policy')
    mkdirSync(policy, { recursive: true })
    writeFileSync(join(policy, 'shop.yaml'), 'kind: List\nitems:\n  - {kind: [\n')
    const ended = await refusedStart(folder)
    expect(ended.code).toBe(2)
    expect(said(ended)).toMatch(
      new RegExp(`^eastwatch up: policy folder ${policy}: shop\\.yaml:\\d+: is not valid YAML: .+; mend`),
    )
  })

  it('an unknown key is named with line and column', async () => {
    const folder = prepared('collector:\n  grpcAdress: 127.0.0.1:0\n')
    const ended = await refusedStart(folder)
    expect(ended.code).toBe(2)
    expect(said(ended)).toBe(`eastwatch up: ${folder}/eastwatch.yaml:2:3: unknown key collector.grpcAdress`)
  })

  it('a secret file that is missing is named', async () => {
    const folder = prepared('storage:\n  readerPassword: file:no-such-file\n')
    const ended = await refusedStart(folder)
    expect(ended.code).toBe(2)
    expect(said(ended)).toContain(`eastwatch.yaml:2:19: secret file ${folder}/no-such-file cannot be read`)
  })

  it('an address that is none is named with its key', async () => {
    const ended = await refusedStart(prepared({ ...FREE_PORTS, telemetry: { address: 'localhost' } }))
    expect(ended.code).toBe(2)
    expect(said(ended)).toContain('telemetry.address: "localhost" is not host:port')
  })

  it('a configuration file that is not there is named', async () => {
    const folder = prepared('')
    const ended = await eastwatch(folder, ['up', '--config', 'other.yaml'])
    expect(ended.code).toBe(2)
    expect(said(ended)).toContain(`configuration ${folder}/other.yaml cannot be read`)
  })
})

describe('a missing package', () => {
  it('without chdb, says which package is missing and how to get it', async () => {
    const folder = prepared(FREE_PORTS)
    const hooks = `export const resolve = (name, context, next) => {
      if (name === 'chdb') throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
      return next(name, context)
    }`
    writeFileSync(
      join(folder, 'without-chdb.mjs'),
      `import { register } from 'node:module'\nregister('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))\n`,
    )
    const ended = await refusedStart(folder, { NODE_OPTIONS: `--import ${join(folder, 'without-chdb.mjs')}` })
    expect(ended.code).toBe(2)
    expect(said(ended)).toBe(
      'eastwatch up: the embedded store needs the optional package chdb, which is not installed or has no build for this platform; install it with npm install chdb',
    )
  })
})
