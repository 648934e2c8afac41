import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFile } from '../../../alerts/notify/file.ts'
import { FileConfig } from '../../../alerts/notify/file-config.ts'
import { AROUND, CONSOLE, many, NOW, single, storm } from './notices.ts'

const forever = new AbortController().signal
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'eastwatch-file-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const config = (path: string) => FileConfig.parse({ name: 'file', type: 'file', path })
const channel = (path: string) => createFile(config(path), { ...AROUND, dataFolder: folder })
const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { type: string; id: string; links?: { href: string }[] })

describe('a file', () => {
  it('gets a line of JSON for each message, and is its owner’s alone', async () => {
    const to = channel('incidents.jsonl')
    const path = join(folder, 'incidents.jsonl')
    await to.send(single('first'), NOW, forever)
    await to.send(many(3), NOW, forever)
    await to.send(storm(), NOW, forever)
    expect(linesOf(path).map(({ type }) => type)).toEqual([
      'eastwatch.incident',
      'eastwatch.group',
      'eastwatch.summary',
    ])
    expect(linesOf(path)[0]!.links![0]!.href).toContain(`${CONSOLE}/incidents/`)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('gets whole lines of messages that are sent at once', async () => {
    const to = channel('incidents.jsonl')
    const sent = Array.from({ length: 20 }, (_, at) => ({ ...single('first'), id: `m${at}` }))
    await Promise.all(sent.map((notice) => to.send(notice, NOW, forever)))
    expect(linesOf(join(folder, 'incidents.jsonl')).map(({ id }) => id)).toEqual(sent.map(({ id }) => id))
  })

  it('is made anew once it was moved away, as logrotate does', async () => {
    const path = join(folder, 'incidents.jsonl')
    const to = channel(path)
    await to.send({ ...single('first'), id: 'before' }, NOW, forever)
    renameSync(path, `${path}.1`)
    await to.send({ ...single('first'), id: 'after' }, NOW, forever)
    expect([linesOf(`${path}.1`), linesOf(path)].map(([line]) => line!.id)).toEqual(['before', 'after'])
  })

  it('begins a line of its own after one that was cut off', async () => {
    const path = join(folder, 'incidents.jsonl')
    writeFileSync(path, '{"type":"eastwa')
    await channel(path).send(single('first'), NOW, forever)
    await channel(path).send(single('first'), NOW, forever)
    const lines = readFileSync(path, 'utf8').split('\n')
    expect([lines.length, lines[0]]).toEqual([4, '{"type":"eastwa'])
    expect(JSON.parse(lines[1]!).type).toBe('eastwatch.incident')
  })

  it.each([
    ['a link', (path: string) => symlinkSync(join(folder, 'other'), path), /a link stands in its place/],
    ['a named pipe', (path: string) => execFileSync('mkfifo', [path]), /it is no regular file/],
    ['a folder', (path: string) => mkdirSync(path), /it is a folder/],
  ])('is not written where %s stands in its place', async (_, make, reason) => {
    const path = join(folder, 'incidents.jsonl')
    make(path)
    await expect(channel(path).send(single('first'), NOW, forever)).rejects.toMatchObject({
      code: 'delivery_failed',
      retriable: true,
      message: expect.stringMatching(reason),
    })
    expect(existsSync(join(folder, 'other'))).toBe(false)
  })

  it('is tried again where its folder is missing, and written once that is there', async () => {
    const to = channel('later/incidents.jsonl')
    await expect(to.send(single('first'), NOW, forever)).rejects.toMatchObject({
      retriable: true,
      message: 'later/incidents.jsonl cannot be written: its folder is not there',
    })
    mkdirSync(join(folder, 'later'))
    await to.send(single('first'), NOW, forever)
    expect(linesOf(join(folder, 'later/incidents.jsonl')).length).toBe(1)
  })

  it('does not leave the data folder by a link', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'eastwatch-outside-'))
    try {
      symlinkSync(outside, join(folder, 'away'))
      const sent = channel('away/incidents.jsonl').send(single('first'), NOW, forever)
      await expect(sent).rejects.toThrow('a link leads out of the data folder')
      expect(existsSync(join(outside, 'incidents.jsonl'))).toBe(false)
    } finally {
      rmSync(outside, { recursive: true })
    }
  })

  it('is not written after the program was told to stop', async () => {
    const stopped = AbortSignal.abort(new Error('stopped'))
    await expect(channel('incidents.jsonl').send(single('first'), NOW, stopped)).rejects.toThrow('stopped')
    expect(existsSync(join(folder, 'incidents.jsonl'))).toBe(false)
  })

  it('that others append to keeps what they wrote', async () => {
    const path = join(folder, 'shared.jsonl')
    const to = channel(path)
    await to.send({ ...single('first'), id: 'ours' }, NOW, forever)
    appendFileSync(path, '{"id":"theirs"}\n')
    await to.send({ ...single('first'), id: 'ours again' }, NOW, forever)
    expect(linesOf(path).map(({ id }) => id)).toEqual(['ours', 'theirs', 'ours again'])
  })
})

describe('the key path', () => {
  it.each(['../incidents.jsonl', 'a/../../x', '..', '', 'a/', 'a\u0000b'])('refuses %j', (path) => {
    expect(FileConfig.safeParse({ name: 'file', type: 'file', path }).success).toBe(false)
  })

  it.each(['incidents.jsonl', 'a/b.jsonl', '/var/log/eastwatch/incidents.jsonl', 'a/../b'])('takes %j', (path) => {
    expect(FileConfig.safeParse({ name: 'file', type: 'file', path }).success).toBe(true)
  })
})
