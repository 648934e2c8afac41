/** Whether what is left of a story that faults struck is what is left of it without any. */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { difference, NO_DIFFERENCE, type Stored, TABLES, withoutArrival } from '../e2e/stored.ts'
import type { Log } from './log.ts'

/** What Eastwatch may say of itself at any time, as it goes by the machine's clock: something was not ready for a minute. */
const MAY_BE_TOLD = 'part_not_ready'

export interface Case {
  /** Of the undisturbed run. */
  expected: Stored
  actual: Stored
  log: Log
  /** Records of the story, each once. */
  sent: number
  /** Kinds of findings that the faults must have made. */
  told: ReadonlySet<string>
}

/** The hash of all that is stored and comes from the story. */
export function judge({ expected, actual, log, sent, told }: Case): string {
  const stored = actual.calls.length
  const rejected = actual.rejected.length
  expect({ received: log.received, sent }).toEqual({
    received: stored + rejected + log.duplicates,
    sent: stored + rejected,
  })
  const hash = createHash('sha256')
  for (const table of TABLES) {
    const [wanted, found] = [expected[table], actual[table]].map((rows) => ofStory(table, rows)) as [string[], string[]]
    expect({ table, ...difference(wanted, found) }).toEqual({ table, ...NO_DIFFERENCE })
    hash.update(found.join('\n'))
  }
  const kinds = new Set(actual.findings.filter(isOfItself).map((row) => JSON.parse(row).kind as string))
  kinds.delete(MAY_BE_TOLD)
  expect([...kinds].sort()).toEqual([...told].sort())
  // Each incident opened once, and each of its changes was told once.
  expect(log.changes.length).toBe(new Set(log.changes).size)
  expect(new Set(log.changes.map((change) => change.split('/')[0])).size).toBe(actual.incidents.length)
  return hash.digest('hex')
}

function ofStory(table: keyof Stored, rows: readonly string[]): string[] {
  const own = rows.filter((row) => !isOfItself(row))
  return withoutArrival(table, own)
}

/** What Eastwatch says of itself. */
function isOfItself(row: string): boolean {
  return JSON.parse(row).detector === 'pipeline'
}
