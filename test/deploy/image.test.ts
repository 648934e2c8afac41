/** deploy/Dockerfile: what it says, and that what it does works as far as that can be seen without a container. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DockerfileParser, type Instruction } from 'dockerfile-ast'
import { describe, expect, it } from 'vitest'
import { Health, serveHealth } from '../../core/telemetry/health.ts'
import { ROOT, textOf } from './files.ts'

const file = DockerfileParser.parse(textOf('deploy/Dockerfile'))
const manifest = JSON.parse(textOf('package.json')) as { version: string; scripts: { start: string } }

/** Of the last stage: what the image is. */
const last = file.getInstructions().slice(file.getInstructions().findLastIndex((one) => one.getKeyword() === 'FROM'))

/** Flags and all. */
function afterKeyword(one: Instruction): string {
  return one.getTextContent().slice(one.getKeyword().length).trim()
}

function all(instructions: readonly Instruction[], keyword: string): string[] {
  return instructions.filter((one) => one.getKeyword() === keyword).map(afterKeyword)
}

function list(keyword: string): string[] {
  return JSON.parse(all(last, keyword)[0]!.replace(/^.*?(?=\[)/s, '')) as string[]
}

/** What .dockerignore lets through. */
const context = textOf('.dockerignore')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1))

describe('deploy/Dockerfile', () => {
  it('can be read, and every instruction is one', () => {
    const known = /^(FROM|WORKDIR|COPY|RUN|ARG|ENV|USER|VOLUME|EXPOSE|ENTRYPOINT|CMD|HEALTHCHECK)$/
    expect(file.getInstructions().length).toBeGreaterThan(10)
    for (const one of file.getInstructions()) expect(one.getKeyword()).toMatch(known)
  })

  it('is built from tagged images, never the latest, and runs as a user with a number', () => {
    for (const from of file.getFROMs()) expect(from.getImage()).toMatch(/^[a-z]+:(?!latest)[\w.-]+$/)
    const [user] = all(last, 'USER')
    expect(user).toMatch(/^\d+:\d+$/)
    expect(Number.parseInt(user!, 10)).toBeGreaterThan(0)
    const owner = /-o (\d+) -g (\d+) -m 0700 (\S+)/.exec(all(last, 'RUN').join('\n'))!
    expect([`${owner[1]}:${owner[2]}`, owner[3]]).toEqual([user, all(last, 'VOLUME')[0]])
  })

  it('starts eastwatch as npm start does', () => {
    const [, ...flags] = list('ENTRYPOINT')
    expect(['node', ...flags, ...list('CMD')].join(' ')).toBe(
      manifest.scripts.start.replace('dist/', '/opt/eastwatch/dist/'),
    )
  })

  it('has no developers’ packages, and the native parts that need no compiler', () => {
    const [, install] = all(file.getInstructions(), 'RUN').filter((one) => one.startsWith('npm ci'))
    expect(install).toMatch(/^npm ci --omit=dev --ignore-scripts/)
    expect(install).not.toContain('optional')
    expect(all(last, 'COPY').some((one) => /--from=packages .*node_modules/.test(one))).toBe(true)
    const lock = JSON.parse(textOf('package-lock.json')) as { packages: Record<string, { optional?: boolean }> }
    const native = Object.entries(lock.packages).filter(([name]) => name.startsWith('node_modules/@lmdb/'))
    // With --omit=optional they are gone, and would be built (packages.test.ts).
    expect(native.length).toBeGreaterThan(0)
    expect(native.every(([, { optional }]) => optional)).toBe(true)
  })

  it('copies what is there, and its context has all that the build reads and nothing else', () => {
    for (const copy of all(file.getInstructions(), 'COPY').filter((one) => !/^(--from|\. \.)/.test(one))) {
      for (const source of copy.split(' ').slice(0, -1)) {
        expect(context).toContain(source)
        expect(existsSync(join(ROOT, source))).toBe(true)
      }
    }
    const folder = mkdtempSync(join(tmpdir(), 'eastwatch-image-'))
    try {
      for (const name of context) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
      symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
      execFileSync('npm', ['run', 'build'], { cwd: folder, stdio: 'pipe' })
      expect(existsSync(join(folder, 'dist/cli/main.js'))).toBe(true)
      expect(existsSync(join(folder, 'dist/storage/migrations/001_tables.sql'))).toBe(true)
      const version = spawnSync(process.execPath, [join(folder, 'dist/cli/main.js'), '--version'], { encoding: 'utf8' })
      expect(version.stdout).toBe(`${manifest.version}\n`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }, 120_000)

  it('its health check passes while the process answers, whatever is not ready, and fails where nothing does', async () => {
    const health = new Health()
    health.register('bus', () => ({ ready: false, detail: 'away' }))
    const server = await serveHealth('127.0.0.1:0', health, () => {})
    const [, ...args] = list('HEALTHCHECK')
    const at = (port: number) => args.map((arg) => arg.replace(':9464/', `:${port}/`))
    const ask = async (port: number) => {
      const child = spawn(process.execPath, at(port), { stdio: 'ignore' })
      return new Promise<number | null>((resolve) => child.once('exit', resolve))
    }
    expect(at(0)).not.toEqual(args)
    expect(await ask(server.port)).toBe(0)
    await server.stop()
    expect(await ask(server.port)).toBe(1)
  })
})
