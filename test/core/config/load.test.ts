import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ConfigError, loadConfigFile, parseConfig } from '../../../core/config/load.ts'
import { PipelineError } from '../../../core/errors.ts'

const Schema = z.strictObject({
  name: z.string().default('x'),
  port: z.number().int().max(65535).default(1),
  list: z.array(z.strictObject({ url: z.string() })).default([]),
})
const around = { env: { TOKEN: 's3cret' }, folder: mkdtempSync(join(tmpdir(), 'eastwatch-config-')) }

function problems(text: string) {
  try {
    parseConfig(text, 'eastwatch.yaml', Schema, around)
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
  throw new Error('no problem found')
}

describe('configuration', () => {
  it('an empty file gives the defaults', () => {
    expect(parseConfig('', 'f', Schema, around)).toEqual({ name: 'x', port: 1, list: [] })
  })

  it('an unknown key is an error with its line and column', () => {
    expect(problems('name: a\nprot: 3\n')).toEqual(['eastwatch.yaml:2:1: unknown key prot'])
    expect(problems('list:\n  - url: a\n    ulr: b\n')).toEqual(['eastwatch.yaml:3:5: unknown key list.0.ulr'])
  })

  it('a wrong value is named where it stands, and all problems are told at once', () => {
    const said = problems('name: 3\nport: 70000\n')
    expect(said).toHaveLength(2)
    expect(said[0]).toMatch(/^eastwatch\.yaml:1:1: name: /)
    expect(said[1]).toMatch(/^eastwatch\.yaml:2:1: port: .*65535/)
  })

  it('broken YAML and doubled keys are errors with their place', () => {
    expect(problems('name: [')[0]).toMatch(/^eastwatch\.yaml:1:\d+: /)
    expect(problems('name: a\nname: b\n')[0]).toMatch(/^eastwatch\.yaml:2:1: .*unique/i)
  })

  it('environment variables and secret files are filled in', () => {
    writeFileSync(join(around.folder, 'secret'), 'from-file\n')
    expect(parseConfig('name: a-${TOKEN}', 'f', Schema, around).name).toBe('a-s3cret')
    expect(parseConfig('name: file:secret', 'f', Schema, around).name).toBe('from-file')
  })

  it('a missing variable or secret file is an error with its place', () => {
    expect(problems('port: 1\nname: ${NOPE}')).toEqual(['eastwatch.yaml:2:7: environment variable NOPE is not set'])
    expect(problems('name: file:absent')[0]).toMatch(/eastwatch\.yaml:1:7: secret file .*absent cannot be read/)
  })

  it('a YAML bomb is refused', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'[i]}`).join(',')}]`),
    ]
    expect(() => parseConfig(bomb.join('\n'), 'f', z.any(), around)).toThrow(/alias/i)
  })

  it('a missing file names itself', () => {
    expect(() => loadConfigFile('/nonexistent/e.yaml', Schema, around)).toThrow(PipelineError)
  })
})
