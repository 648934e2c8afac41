/** A pair that always came with mutual TLS, and now comes without and is let in. */
import { DAY } from '../core/clock.ts'
import type { Finding, WindowGroup } from './detector.ts'
import { pairFindingKey, sourceName } from './finding.ts'
import { blindness, tlsFinding } from './tls-finding.ts'
import type { PairMemory } from './tls-memory.ts'
import type { Verdict } from './tls-verdict.ts'
import type { PairWindow } from './window.ts'
import { counted } from './wording.ts'

const MIN_MUTUAL = 100

const DOWNGRADE: Verdict = {
  kind: 'downgrade',
  severity: 'warning',
  fault: 'source',
  text: 'plaintext from a workload that always came with mutual TLS',
  least: 1,
  byRate: false,
  technique: 'T1562',
}

export function plaintextDowngrade(group: WindowGroup, window: PairWindow, memory: PairMemory): Finding[] {
  const tally = window.tallies.find(({ reporter }) => reporter === 'destination')
  if (tally === undefined || tally.plaintext === 0 || window.pair.sourceIdentity === '') return []
  const always = memory.mutual >= MIN_MUTUAL && memory.lastPlaintext === 0
  if (!always || group.start - group.pairSince(window.key) < DAY) return []
  return [
    tlsFinding(group, {
      verdict: DOWNGRADE,
      key: pairFindingKey(window.pair),
      incidentKey: pairFindingKey(window.pair),
      summary: `${sourceName(window.pair)} calls ${window.pair.destinationService} in plaintext, ${counted(tally.plaintext, 'time')}; it always used mutual TLS before`,
      observed: tally.plaintext,
      first: window.first,
      last: window.last,
      examples: window.examples.plaintext ?? [],
      facts: { mutual_before: memory.mutual },
      blind: blindness(window),
      where: ["tls_state = 'plaintext'"],
    }),
  ]
}
