import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { PipelineError } from '../../core/errors.ts'
import { loadFolder, MAX_FILE_BYTES, MAX_FILES } from '../../policy/load.ts'
import { loadSnapshot } from '../../policy/snapshot.ts'
import { authorization, CART, OPTIONS, pod, query, service, WEB } from './world.ts'

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'policy')
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content)

function errorOf(load: () => unknown): PipelineError {
  try {
    load()
  } catch (error) {
    if (error instanceof PipelineError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('the folder', () => {
  it('that is not there declares nothing', () => {
    const { snapshot } = loadSnapshot(join(folder, 'nowhere'), OPTIONS)
    expect(snapshot.inventory.known).toBe(false)
    expect(snapshot.decide(query()).reason).toBe('unknown: no policy declared')
  })

  it('is read as List, single object, typed list and many documents alike', () => {
    const objects = [pod('cart', CART), pod('web', WEB), service('cart'), authorization({ rules: [{}] })]
    const versions = [
      () => put('a.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })),
      () => put('a.yaml', objects.map((each) => stringify(each)).join('---\n')),
      () => {
        for (const [i, each] of objects.entries()) put(`${i}.json`, JSON.stringify(each))
      },
      () => {
        const bare = objects
          .slice(0, 2)
          .map(({ metadata, spec, status }: Record<string, unknown>) => ({ metadata, spec, status }))
        put('pods.json', JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items: bare }))
        put(
          'rest.yml',
          objects
            .slice(2)
            .map((each) => stringify(each))
            .join('---\n'),
        )
      },
    ].map((write) => {
      for (const name of readdirSync(folder)) rmSync(join(folder, name))
      write()
      return loadSnapshot(folder, OPTIONS).snapshot.version
    })
    expect(new Set(versions).size).toBe(1)
  })

  it('may hold other kinds, which are counted and passed over', () => {
    put(
      'a.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\n',
    )
    expect([...loadFolder(folder).ignored]).toEqual([['ConfigMap', 2]])
  })

  it('may hold other files, which are not read', () => {
    put('notes.txt', '{')
    put('.hidden.yaml', '{')
    expect(loadFolder(folder).places.size).toBe(0)
  })

  it('may hold links inside itself, as a mounted ConfigMap does', () => {
    mkdirSync(join(folder, '..data'))
    writeFileSync(join(folder, '..data', 'a.json'), JSON.stringify(pod('cart', CART)))
    symlinkSync(join('..data', 'a.json'), join(folder, 'a.json'))
    expect(loadFolder(folder).pods).toHaveLength(1)
  })

  it('refuses a link that leads out of it', () => {
    symlinkSync('/etc/hostname', join(folder, 'a.json'))
    expect(errorOf(() => loadFolder(folder)).message).toMatch(/^a\.json: is a link that leads out of /)
  })

  it('refuses a folder in the place of a file', () => {
    mkdirSync(join(folder, 'a.json'))
    expect(errorOf(() => loadFolder(folder)).message).toBe('a.json: is not a regular file')
  })

  it('refuses a file over the limit without reading it', () => {
    put('a.json', '')
    truncateSync(join(folder, 'a.json'), MAX_FILE_BYTES + 1)
    expect(errorOf(() => loadFolder(folder)).message).toBe(
      `a.json: ${MAX_FILE_BYTES + 1} bytes exceed the limit of ${MAX_FILE_BYTES}`,
    )
  })

  it('refuses too many files', () => {
    for (let i = 0; i <= MAX_FILES; i++) put(`${i}.json`, '{}')
    expect(errorOf(() => loadFolder(folder)).message).toMatch(/257 files, over the limit of 256$/)
  })

  it('refuses what is not UTF-8', () => {
    put('a.json', new Uint8Array([0xff, 0xfe, 0x7b, 0x00]))
    expect(errorOf(() => loadFolder(folder)).message).toBe('a.json: is not UTF-8')
  })

  it('takes a byte order mark', () => {
    put('a.json', `\uFEFF${JSON.stringify(pod('cart', CART))}`)
    expect(loadFolder(folder).pods).toHaveLength(1)
  })

  it('names both files of an object declared twice', () => {
    put('a.json', JSON.stringify(pod('cart', CART)))
    put('b.json', JSON.stringify(pod('cart', CART)))
    expect(errorOf(() => loadFolder(folder)).message).toBe('b.json (Pod shop/cart): is declared twice, first in a.json')
  })
})

describe('a broken file fails with a sentence of its own', () => {
  for (const name of readdirSync(fixtures).filter((each) => /^bad-.*\.(yaml|json)$/.test(each))) {
    it(name, () => {
      const text = readFileSync(join(fixtures, name), 'utf8')
      const expected = readFileSync(join(fixtures, name.replace(/\.\w+$/, '.expected')), 'utf8').trim()
      put(name, text)
      const error = errorOf(() => loadFolder(folder))
      expect(error.code).toBe('config')
      expect(error.message).toBe(expected)
    })
  }
})

describe('bombs', () => {
  // What takes exponential or quadratic time runs into the timeout of the test.
  const refusal = (name: string, text: string) => {
    put(name, text)
    return errorOf(() => loadFolder(folder)).message
  }

  it('aliases that multiply are refused', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 12; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    const message = refusal('a.yaml', lines.join('\n'))
    expect(message).toBe('a.yaml: expands over 100 aliases')
  })

  it.each([
    ['one line of brackets', 'a.yaml', '['.repeat(1_000_000)],
    ['brackets line by line', 'a.yaml', '[\n'.repeat(100_000)],
    ['ever deeper lines', 'a.yaml', Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['dashes', 'a.yaml', '- '.repeat(20_000)],
    [
      'a deep object in JSON',
      'a.json',
      `{"apiVersion":"v1","kind":"Pod","metadata":${'{"a":'.repeat(100)}1${'}'.repeat(101)}`,
    ],
  ])('nesting without end is refused: %s', (_, name, text) => {
    const message = refusal(name, text)
    expect(message).toMatch(/nested deeper than the limit of 64$|^a\.json.*: \.metadata|metadata\.name/)
  })

  it('a map of a hundred thousand keys takes no quadratic time', () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `k${i}: 1`).join('\n')
    expect(refusal('a.yaml', text)).toMatch(/^a\.yaml: /)
  })
})

describe('hostile texts', () => {
  it('keys of the prototype are labels like any other, and touch nothing', () => {
    const labels = '{"__proto__":"a","constructor":"b","toString":"c"}'
    const text = JSON.stringify(pod('cart', CART)).replace('"labels":{', `"labels":${labels.slice(0, -1)},`)
    put('a.json', text)
    const polluted = JSON.stringify(
      authorization({ action: 'DENY', selector: { matchLabels: { valueOf: 'x' } }, rules: [{}] }),
    )
    put('b.json', polluted)
    const { snapshot } = loadSnapshot(folder, OPTIONS)
    expect(snapshot.decide(query()).decision).toBe('allowed')
    expect(({} as Record<string, unknown>).a).toBeUndefined()
    expect(snapshot.inventory.serviceByHost('__proto__')).toBeUndefined()
    expect(snapshot.inventory.workloadAt('constructor')).toBeUndefined()
  })

  it('any text at all loads or fails as a config error', () => {
    const good = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [pod('cart', CART), authorization({ rules: [{}] })],
    })
    const cut = fc
      .tuple(fc.nat(good.length), fc.nat(20), fc.string())
      .map(([at, n, text]) => good.slice(0, at) + text + good.slice(at + n))
    const name = fc.constantFrom('a.json', 'a.yaml')
    fc.assert(
      fc.property(name, fc.oneof(fc.string(), cut, fc.json()), (file, text) => {
        for (const each of readdirSync(folder)) rmSync(join(folder, each))
        put(file, text)
        try {
          loadFolder(folder)
        } catch (error) {
          expect(error).toBeInstanceOf(PipelineError)
          expect((error as PipelineError).code).toBe('config')
          expect((error as PipelineError).message.startsWith(file)).toBe(true)
          expect((error as PipelineError).message.length).toBeLessThan(1_500)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('any value in the place of any part of an object loads or fails as a config error', () => {
    const spec = (rule: unknown) => authorization(rule as object)
    fc.assert(
      fc.property(
        fc.anything({
          maxDepth: 4,
          key: fc.constantFrom('rules', 'from', 'source', 'principals', 'to', 'action', '__proto__'),
        }),
        (value) => {
          const text = JSON.stringify(spec(value))
          put('a.json', text)
          try {
            loadSnapshot(folder, OPTIONS).snapshot.decide(query())
          } catch (error) {
            expect(error).toBeInstanceOf(PipelineError)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
