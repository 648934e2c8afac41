import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { processFolder } from '../../../core/lifecycle/process-folder.ts'
import { startOf } from '../../../core/lifecycle/processes.ts'
import { SPOOL_PREFIX, Spool } from '../../../storage/embedded/spool.ts'

let home: string
let memory: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'eastwatch-spool-'))
  memory = join(home, 'memory')
  mkdirSync(memory)
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** The folder of this process, as another process would have it. */
function leftBy(pid: number, started: string): string {
  const own = processFolder(memory, SPOOL_PREFIX)
  const folder = own.replace(/\d+-\d*$/, `${pid}-${started}`)
  mkdirSync(folder)
  writeFileSync(join(folder, `${pid}-1`), 'rows')
  return folder
}

describe('the spool', () => {
  it('removes what a dead process left, of whichever store, and nothing of one that lives', () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    const dead = leftBy(pid, '12345')
    const alive = leftBy(process.ppid, startOf(process.ppid))
    const another = join(memory, `${SPOOL_PREFIX}-00000000-1-1`)
    const foreign = join(memory, `${SPOOL_PREFIX}-of-someone`)
    mkdirSync(another)
    mkdirSync(foreign)
    const reused = leftBy(process.pid, '1')
    const spool = new Spool(home, 1024, memory)
    expect([dead, reused].filter((folder) => existsSync(folder))).toEqual([])
    // A process id of another host says nothing here; other names are not ours.
    expect([another, foreign].filter((folder) => existsSync(folder))).toEqual([another, foreign])
    expect(existsSync(alive)).toBe(true)
    spool.remove()
  })

  it('keeps its folder while it lives: another that starts leaves it alone', async () => {
    const spool = new Spool(home, 1024, memory)
    await spool.hold(Readable.from(['rows']), async (path) => {
      new Spool(join(home, 'other'), 1024, memory)
      expect(existsSync(path)).toBe(true)
    })
    expect(readdirSync(spool.folder)).toEqual([])
  })

  it('without memory-backed files keeps to its own folder, and removes what was left there', () => {
    mkdirSync(join(home, 'spool'))
    writeFileSync(join(home, 'spool/1-1'), 'rows')
    const spool = new Spool(home, 1024, join(home, 'no-such-memory'))
    expect(spool.folder).toBe(join(home, 'spool'))
    expect(readdirSync(spool.folder)).toEqual([])
  })
})
