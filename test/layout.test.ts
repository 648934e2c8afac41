import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const ARROW = ['core', 'policy', 'collector', 'detectors', 'storage', 'alerts', 'dashboards', 'demo', 'cli']
const root = join(import.meta.dirname, '..')

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
}

describe('layout', () => {
  it('imports point one way: core <- policy <- collector <- detectors <- storage <- alerts <- dashboards <- demo <- cli', () => {
    const against = ARROW.flatMap((folder, rank) =>
      sources(folder).flatMap((file) =>
        [...readFileSync(join(root, file), 'utf8').matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g)]
          .map((match) => relative(root, join(root, dirname(file), match[1] ?? match[2] ?? '')))
          .filter((target) => {
            const to = ARROW.indexOf(target.split('/')[0] ?? '')
            return to < 0 || to > rank
          })
          .map((target) => `${file} imports ${target}`),
      ),
    )
    expect(against).toEqual([])
  })

  it('detectors read no clock and do no I/O', () => {
    const forbidden =
      /Date\.now|new Date\(\)|performance\.now|Math\.random|systemClock|from 'node:(fs|net|http|https|child_process)/
    const against = sources('detectors').filter((file) => forbidden.test(readFileSync(join(root, file), 'utf8')))
    expect(against).toEqual([])
  })
})
