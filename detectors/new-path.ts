/**
 * Calls outside the declared graph, and operations never seen before. The graph comes first: what it does not allow and still gets
 * through is critical at the first call; what it stops is denial_spike's. A new operation of a known pair informs, and never pages.
 * Operations are learned by the quarantine rule from verified records; what was only answered 404 or denied forms none.
 * New pairs are new-pair.ts's, which sees all destinations of a source. Memory: 9 bytes a known operation, at most 200 a pair.
 */
import { z } from 'zod'
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Detector, DetectorDefinition, Finding, WindowGroup } from './detector.ts'
import { callsSql, literal } from './evidence-sql.ts'
import { finding, pairFindingKey, sourceName } from './finding.ts'
import { fingerprint53 } from './hash.ts'
import { freshQuarantine, observe, type Quarantine } from './stats/quarantine.ts'
import { countPath, OTHER, type PairWindow, type PathTally, WINDOW_CAPS } from './window.ts'
import { counted, listed } from './wording.ts'

export const NewPathConfig = z.strictObject({
  newPairScore: z
    .number()
    .positive()
    .default(4)
    .describe(
      'Surprise (-log10 of the probability that this source calls a new destination) from which a new pair that no graph decides is a warning.',
    ),
  burstPairs: z
    .number()
    .int()
    .min(2)
    .default(3)
    .describe('New pairs of one source within ten minutes that are a warning together.'),
})

export const NEW_PATH = 'new_path'
const LATERAL_MOVEMENT = 'T1021'
const CAPS = { known: WINDOW_CAPS.paths, waiting: WINDOW_CAPS.paths }
/** A call outside the graph that goes on is told again so often, and at once where the operation is another. */
const REPEAT_US = 10 * MINUTE
const MAX_TOLD = 32
const LISTED = 8

interface PairMemory {
  operations: Quarantine
  /** Operations outside the graph that were told of, and when last. */
  told: number[]
  toldAt: number
  explodedAt: number
}

export const newPath: DetectorDefinition = {
  name: NEW_PATH,
  stage: 'destination',
  build: () => new NewPath(),
}

class NewPath implements Detector {
  onWindow(group: WindowGroup): Finding[] {
    return group.windows.flatMap((window) => {
      const memory = group.pair<PairMemory>(window.key, freshMemory)
      const outside = outsideGraph(group, window, memory)
      if (window.trust === 'claimed') return outside
      return [...outside, ...newOperations(group, window, memory), ...explosion(group, window, memory)]
    })
  }

  onLate(group: WindowGroup): Finding[] {
    return group.windows.flatMap((window) =>
      outsideGraph(group, window, group.pair<PairMemory>(window.key, freshMemory)),
    )
  }
}

function freshMemory(): PairMemory {
  return { operations: freshQuarantine(), told: [], toldAt: 0, explodedAt: 0 }
}

/** Calls that no policy allows and that were answered all the same. */
function outsideGraph(group: WindowGroup, window: PairWindow, memory: PairMemory): Finding[] {
  const destinationReports = window.paths.some(({ byDestination }) => byDestination > 0)
  const through = (path: PathTally) => (destinationReports ? path.forbiddenOk : path.forbiddenOkBySource)
  const paths = window.paths.filter((path) => through(path) > 0).sort((a, b) => through(b) - through(a) || order(a, b))
  if (paths.length === 0) return []
  const claimed = window.trust === 'claimed'
  const things = paths.map((path) => fingerprint53(operationOf(path)))
  const fresh = things.some((thing) => !memory.told.includes(thing))
  if (!claimed && !fresh && group.start - memory.toldAt < REPEAT_US) return []
  memory.told = [...new Set([...memory.told, ...things])].slice(-MAX_TOLD)
  memory.toldAt = Math.max(memory.toldAt, group.start)
  const count = paths.reduce((sum, path) => sum + through(path), 0)
  const { pair } = window
  const names = paths.map(operationOf)
  const key = pairFindingKey(pair, names[0]!)
  const reason = paths[0]!.reason
  return [
    finding(group, {
      detector: NEW_PATH,
      kind: claimed ? 'claimed_outside_graph' : 'outside_graph',
      severity: claimed ? 'info' : 'critical',
      key,
      incidentKey: pairFindingKey(pair),
      cause: `${NEW_PATH}|outside_graph|${reason || pair.destinationService}`,
      quietUs: DAY,
      summary:
        `${claimed ? 'An unverified sender reports that ' : ''}${sourceName(pair)} called ${pair.destinationService} ` +
        `(${listed(names, LISTED)}), which no policy allows, and was answered ${counted(count, 'time')}`,
      technique: LATERAL_MOVEMENT,
      evidence: {
        observed: count,
        expected: 0,
        unit: 'calls',
        p: null,
        detectable: 1,
        baselineSamples: 0,
        baselineSince: group.pairSince(window.key),
        dispersion: null,
        firstSeen: Math.min(...paths.map(({ first }) => first)),
        lastSeen: Math.max(...paths.map(({ last }) => last)),
        verdict: reason || 'the declared policies do not allow it',
        blind: blindness(claimed, destinationReports),
        examples: window.examples.forbidden ?? [],
        facts: {
          operations: listed(names, LISTED),
          pair_known_hours: Math.floor((group.start - group.pairSince(window.key)) / HOUR),
        },
        sql: callsSql({ from: group.start - HOUR, to: group.end, key, where: ["decision = 'denied'"] }),
      },
    }),
  ]
}

function blindness(claimed: boolean, destinationReports: boolean): string {
  if (claimed) return 'reported by an unverified sender only'
  if (!destinationReports) return "the destination does not report; this is the caller's view of the answer"
  return 'rests on the declared policies as they were exported: a newer policy may allow it'
}

function newOperations(group: WindowGroup, window: PairWindow, memory: PairMemory): Finding[] {
  const fresh = window.paths.filter((path) => {
    const answered = countPath(path) - path.notFound - path.denied
    if (path.route === OTHER || answered <= 0) return false
    return observe(memory.operations, fingerprint53(operationOf(path)), group.start, answered, CAPS) === 'new'
  })
  // While a pair is young everything it does is new: what there is to say of it, new-pair.ts says.
  if (fresh.length === 0 || group.start - group.pairSince(window.key) < DAY) return []
  const names = fresh.sort(order).map(operationOf)
  const key = pairFindingKey(window.pair, names[0]!)
  return [
    finding(group, {
      detector: NEW_PATH,
      kind: 'new_operation',
      severity: 'info',
      key,
      incidentKey: pairFindingKey(window.pair),
      cause: `${NEW_PATH}|new_operation|${window.pair.destinationService}`,
      quietUs: DAY,
      summary: `${sourceName(window.pair)} used ${listed(names, LISTED)} of ${window.pair.destinationService} for the first time`,
      technique: '',
      evidence: {
        observed: fresh.length,
        expected: 0,
        unit: 'operations',
        p: null,
        detectable: 1,
        baselineSamples: memory.operations.known.length,
        baselineSince: group.pairSince(window.key),
        dispersion: null,
        firstSeen: Math.min(...fresh.map(({ first }) => first)),
        lastSeen: Math.max(...fresh.map(({ last }) => last)),
        verdict: fresh.some(({ allowed }) => allowed > 0) ? 'new, allowed by policy' : 'new, no policy decides',
        blind: '',
        examples: window.examples.any ?? [],
        facts: { operations: listed(names, LISTED), known_operations: memory.operations.known.length },
        sql: callsSql({
          from: group.start - HOUR,
          to: group.end,
          key,
          where: [
            `route IN (${fresh
              .slice(0, LISTED)
              .map(({ route }) => literal(route))
              .join(', ')})`,
          ],
        }),
      },
    }),
  ]
}

/** More operations in one window than any API has: a scanner's signature, or templates that do not fold. */
function explosion(group: WindowGroup, window: PairWindow, memory: PairMemory): Finding[] {
  if (window.overflow.paths === 0 || group.start - memory.explodedAt < DAY) return []
  memory.explodedAt = group.start
  const total = window.paths.reduce((sum, path) => sum + countPath(path), 0)
  const missed = window.paths.reduce((sum, path) => sum + path.notFound + path.denied, 0)
  const probing = missed >= total / 2
  const known = group.start - group.pairSince(window.key) >= DAY
  const key = pairFindingKey(window.pair)
  return [
    finding(group, {
      detector: NEW_PATH,
      kind: 'template_explosion',
      severity: probing && known ? 'warning' : 'info',
      key,
      cause: `${NEW_PATH}|template_explosion|${window.pair.destinationService}`,
      quietUs: DAY,
      summary:
        `${sourceName(window.pair)} used more than ${WINDOW_CAPS.paths} operations of ${window.pair.destinationService} within ten seconds; ` +
        (probing
          ? 'most were not found or denied, as when paths are being tried'
          : 'their paths do not fold into templates'),
      technique: probing ? 'T1595.003' : '',
      evidence: {
        observed: total,
        expected: 0,
        unit: 'calls',
        p: null,
        detectable: WINDOW_CAPS.paths,
        baselineSamples: memory.operations.known.length,
        baselineSince: group.pairSince(window.key),
        dispersion: null,
        firstSeen: window.first,
        lastSeen: window.last,
        verdict: probing ? 'paths are being tried' : 'templates do not fold',
        blind: 'operations beyond the cap are watched as one',
        examples: window.examples.any ?? [],
        facts: { calls: total, not_found_or_denied: missed, beyond_the_cap: window.overflow.paths },
        sql: callsSql({ from: group.start, to: group.end, key }),
      },
    }),
  ]
}

function operationOf({ method, route }: PathTally): string {
  return `${method} ${route}`.trim()
}

function order(a: PathTally, b: PathTally): number {
  return operationOf(a) < operationOf(b) ? -1 : 1
}
