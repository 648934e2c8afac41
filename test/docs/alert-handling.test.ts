/** docs/alert-handling.md says what to do for every kind that docs/detectors.md knows, and no other. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const page = (name: string) => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8')

/** Kinds in the first column of each detector's tables, as `detector/kind`. */
function kindsOf(text: string): string[] {
  let detector = ''
  return text.split('\n').flatMap((line) => {
    detector = /^## (\w+)$/.exec(line)?.[1] ?? (line.startsWith('## ') ? '' : detector)
    const cell = /^\| (`[^|]*) \|/.exec(line)?.[1]
    if (detector === '' || cell === undefined) return []
    return [...cell.matchAll(/`(\w+)`/g)].map(([, kind]) => `${detector}/${kind}`)
  })
}

/** Kinds that detectors.md names in its text. */
const IN_TEXT = [
  'denial_spike/claimed',
  'tls_failure/claimed_stolen_identity',
  ...['part_not_ready', 'collector_clock_off', 'collector_silent', 'collector_gap', 'pairs_forgotten'].map(
    (kind) => `pipeline/${kind}`,
  ),
  'pipeline/record_unreadable',
  'pipeline/record_version',
]

describe('docs/alert-handling.md', () => {
  it('says what to do for every kind there is', () => {
    const known = kindsOf(page('detectors.md')).filter((kind) => !kind.startsWith('pipeline/'))
    expect(known.length).toBeGreaterThan(25)
    expect(kindsOf(page('alert-handling.md')).sort()).toEqual([...known, ...IN_TEXT].sort())
  })
})
