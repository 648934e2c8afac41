import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { makeFolder } from '../../../core/lifecycle/make-folder.ts'

const base = mkdtempSync(join(tmpdir(), 'eastwatch-make-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

it('makes every folder that is missing, with the mode asked for, and leaves those that are there', () => {
  mkdirSync(join(base, 'there'), { mode: 0o755 })
  makeFolder(join(base, 'there/a/b'), 0o700)
  makeFolder(join(base, 'there/a/b'), 0o755)
  expect(statSync(join(base, 'there/a/b')).mode & 0o777).toBe(0o700)
  expect(statSync(join(base, 'there')).mode & 0o777).toBe(0o755)
})

it('fails at once where none can be made', () => {
  writeFileSync(join(base, 'file'), '')
  expect(() => makeFolder(join(base, 'file/a'))).toThrow(/ENOTDIR/)
  symlinkSync(join(base, 'nowhere/else'), join(base, 'dangling'))
  expect(() => makeFolder(join(base, 'dangling/a'))).toThrow(/ENOENT/)
})

it.skipIf(process.platform !== 'linux')(
  'fails at once under /proc, where the recursive call of Node never returns',
  () => {
    expect(() => makeFolder('/proc/eastwatch/data')).toThrow(/ENOENT/)
  },
)
