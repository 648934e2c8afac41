import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyFinding, applyTick, type Incident } from '../../alerts/incident.ts'
import type { Finding } from '../../detectors/detector.ts'
import { finding, SECOND, T0 } from './findings.ts'

const REOPEN = 600 * SECOND

type Step = number | Finding

/** Life of one fingerprint: findings join, numbers are watermarks in seconds after T0. */
function live(steps: readonly Step[]) {
  let incident: Incident | undefined
  const changes: Incident[] = []
  for (const step of steps) {
    const next =
      typeof step === 'number'
        ? [incident && applyTick(incident, T0 + step * SECOND)].filter((one) => one !== undefined)
        : applyFinding(incident, step, REOPEN)
    changes.push(...next)
    incident = next.at(-1) ?? incident
  }
  return { incident, changes, states: changes.map(({ record }) => record.status) }
}

describe('life cycle of an incident', () => {
  const cases: [title: string, steps: Step[], states: string[]][] = [
    ['opens with its first finding', [finding(10)], ['open']],
    [
      'stays open while findings come within the quiet time',
      [finding(10), finding(20), 75, finding(70)],
      ['open', 'open', 'open'],
    ],
    ['resolves once quiet for long enough', [finding(10), 69, 70], ['open', 'resolved']],
    ['resolves once only', [finding(10), 70, 80, 90], ['open', 'resolved']],
    ['reopens with a finding after its end', [finding(10), 70, finding(100)], ['open', 'resolved', 'open']],
    ['resolves and reopens although no tick came between', [finding(10), finding(100)], ['open', 'resolved', 'open']],
    ['a repeat of a finding changes nothing', [finding(10), finding(10), finding(20), finding(10)], ['open', 'open']],
    ['a late finding joins and leaves it resolved', [finding(20), 80, finding(15)], ['open', 'resolved', 'resolved']],
    [
      'a late finding that asks for a longer quiet reopens it',
      [finding(20), 80, finding(15, { quietUs: 600 * SECOND }), 619, 620],
      ['open', 'resolved', 'open', 'resolved'],
    ],
  ]
  for (const [title, steps, states] of cases) it(title, () => expect(live(steps).states).toEqual(states))

  it('versions rise by one with each change', () => {
    const { changes } = live([finding(10), finding(20), 100, finding(200), finding(210), 400])
    expect(changes.map(({ record }) => record.version)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('keeps its id when it reopens within the window, and is another one later', () => {
    const soon = live([finding(10), 70, finding(670)])
    expect(new Set(soon.changes.map(({ record }) => record.id)).size).toBe(1)
    expect(soon.incident?.record).toMatchObject({
      status: 'open',
      reopened: 1,
      resolvedAt: 0,
      openedAt: T0 + 10 * SECOND,
    })
    const later = live([finding(10), 70, finding(671)])
    expect(new Set(later.changes.map(({ record }) => record.id)).size).toBe(2)
    expect(later.incident?.record).toMatchObject({ status: 'open', reopened: 0, version: 1 })
  })

  it('its severity is the highest of its findings, its kinds are all of them, its face is the newest', () => {
    const { incident } = live([
      finding(10, { severity: 'high' }),
      finding(20, { id: 'b', severity: 'critical', kind: 'scan', summary: 'second' }),
      finding(30, { id: 'c', severity: 'info', summary: 'third' }),
    ])
    expect(incident?.record).toMatchObject({
      severity: 'critical',
      kinds: ['rate', 'scan'],
      summary: expect.stringMatching(/^third\. In all since .+: 3 alarms/),
      findings: 3,
      lastFindingId: 'c',
    })
  })

  it('resolves at its last finding plus the quiet time, whenever the tick comes', () => {
    const { incident } = live([finding(10), 70])
    expect(incident?.record).toMatchObject({ resolvedAt: T0 + 70 * SECOND, updatedAt: T0 + 70 * SECOND })
    expect(live([finding(10), 5_000]).incident).toEqual(incident)
  })

  it('evidence and texts of any size stay bounded and are cut between characters', () => {
    const wide = '\u{1F600}'.repeat(50_000)
    const example = { ...finding(10).evidence.examples[0]!, path: wide, detail: wide }
    const { incident } = live([
      finding(10, {
        summary: wide,
        evidence: {
          ...finding(10).evidence,
          verdict: wide,
          examples: new Array(1_000).fill(example),
          facts: Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`${i}${wide}`, wide])),
        },
      }),
    ])
    expect(JSON.stringify(incident).length).toBeLessThan(24_000)
    expect(Buffer.from(incident!.record.summary).toString()).toBe(incident!.record.summary)
    expect(JSON.parse(incident!.record.evidence)).toMatchObject({ observed: 40, technique: 'T1110' })
  })
})

describe('properties', () => {
  const ends = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 })

  it('ticks at any moments the log allows give the same incident', () => {
    fc.assert(
      fc.property(ends, fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }), (unsorted, gaps) => {
        const sorted = [...new Set(unsorted)].sort((a, b) => a - b)
        const findings = sorted.map((end) => finding(end))
        // The watermark before a finding is below its end: its stage publishes it before the tick that passes it.
        const ticked = findings.flatMap((one, i) => {
          const before = sorted[i - 1] ?? 0
          const watermark = before + ((sorted[i]! - 1 - before) * (gaps[i] ?? 0)) / 3
          return watermark > 0 ? [watermark, one] : [one]
        })
        expect(live([...ticked, 10_000]).incident).toEqual(live([...findings, 10_000]).incident)
      }),
    )
  })

  it('repeats of findings and any order of those that end together give the same incident', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            id: fc.string({ minLength: 4, maxLength: 4 }),
            severity: fc.constantFrom('info', 'high', 'critical'),
          }),
          {
            minLength: 1,
            maxLength: 10,
          },
        ),
        fc.integer(),
        (parts, seed) => {
          const findings = parts.map(({ id, severity }, i) =>
            finding(10, { id: `${id}${i}`, severity: severity as Finding['severity'], kind: `kind${i % 3}` }),
          )
          const shuffled = [...findings, ...findings].sort((a, b) => hash(a.id, seed) - hash(b.id, seed))
          expect(live(shuffled).incident?.record).toEqual(live(findings).incident?.record)
        },
      ),
    )
  })
})

function hash(text: string, seed: number): number {
  let value = seed
  for (const unit of text) value = Math.imul(value ^ unit.charCodeAt(0), 0x01000193)
  return value
}
