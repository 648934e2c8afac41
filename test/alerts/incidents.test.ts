import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyFinding } from '../../alerts/incident.ts'
import { type IncidentsOptions, startIncidents } from '../../alerts/incidents.ts'
import { type Action, encodeAction } from '../../core/action.ts'
import type { BusRecord } from '../../core/bus/bus.ts'
import { HOUR } from '../../core/clock.ts'
import { decodeTick } from '../../core/tick.ts'
import { encodeFinding, type Finding } from '../../detectors/detector.ts'
import { type AlertRecord, decodeAlertRecord } from '../../storage/incident-records.ts'
import { finding, quietLogger, SECOND, T0, tick } from './findings.ts'
import { ADMIN, action } from './records.ts'

const options: IncidentsOptions = {
  producers: ['stage1/0', 'stage2/0'],
  reopenUs: HOUR,
  maxIncidents: 1_000,
  logger: quietLogger,
}

/** Runs records through the processor, a batch at a time, restarting it from its committed state where asked. */
async function process(
  values: readonly Uint8Array[],
  cuts: readonly { size: number; restart: boolean }[],
  with_ = options,
) {
  const records: BusRecord[] = values.map((value, offset) => ({ offset, value }))
  const state = new Map<string, Uint8Array>()
  const published: Uint8Array[] = []
  const start = (committed: number) =>
    startIncidents({ topic: 't', partition: 0, logId: 'log', committed, state: [...state] }, with_)
  let processor = await start(0)
  for (let at = 0, cut = 0; at < records.length; cut += 1) {
    const { size, restart } = cuts[cut % cuts.length]!
    if (restart) {
      // A step that was not committed is lost with its memory, and comes again.
      await processor.step(
        { topic: 't', partition: 0, records: records.slice(at, at + size) },
        new AbortController().signal,
      )
      processor = await start(at)
    }
    const batch = { topic: 't', partition: 0, records: records.slice(at, at + size) }
    const result = await processor.step(batch, new AbortController().signal)
    published.push(...(result?.publish ?? []).map(({ value }) => value))
    for (const { key, value } of result?.state ?? []) {
      if (value === null) state.delete(key)
      else state.set(key, value)
    }
    at = result!.next
  }
  const records_ = published.map(decodeAlertRecord).filter((one) => one !== undefined)
  const of = <T extends AlertRecord['type']>(type: T) =>
    records_.filter((one): one is Extract<AlertRecord, { type: T }> => one.type === type)
  return {
    changes: of('incident'),
    audit: of('audit'),
    silences: of('silence'),
    ticks: published.map(decodeTick).filter((one) => one !== undefined),
    state,
  }
}

const WHOLE = [{ size: 1_000_000, restart: false }]

/** A log: findings of a few fingerprints in their order, ticks of both stages, none ahead of its stage's findings. */
const log = fc
  .array(
    fc.record({
      step: fc.integer({ min: 1, max: 60 }),
      fingerprints: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      ticks: fc.boolean(),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((moments) => {
    const values: Uint8Array[] = []
    let now = 0
    for (const { step, fingerprints, ticks } of moments) {
      now += step
      for (const fingerprint of fingerprints)
        values.push(encodeFinding(finding(now, { fingerprint: `f${fingerprint}` })))
      if (ticks) values.push(tick(now, 'stage1/0'), tick(now, 'stage2/0'))
    }
    return values
  })

describe('the incidents processor', () => {
  it('passes over what it cannot read, and tells of each', async () => {
    const told: unknown[] = []
    const logger = Object.assign(Object.create(quietLogger), { error: (facts: object) => told.push(facts) })
    const [before, after] = [1, 2].map((at) => encodeFinding(finding(at, { fingerprint: `f${at}` }))) as Uint8Array[]
    const poison = [Buffer.alloc(0), Buffer.from('anything'), Buffer.from('EWF1{"id":'), Buffer.from('EWF1null')]
    const { changes } = await process([before!, ...poison, after!], WHOLE, { ...options, logger })
    expect(changes.map(({ fingerprint }) => fingerprint)).toEqual(['f1', 'f2'])
    expect(told).toMatchObject(poison.map((_, i) => ({ topic: 't', partition: 0, offset: i + 1 })))
  })

  it('gives the same changes for any cut into batches and a restart at any point', async () => {
    const cuts = fc.array(fc.record({ size: fc.integer({ min: 1, max: 7 }), restart: fc.boolean() }), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(log, cuts, async (values, batches) => {
        const cut = await process(values, batches)
        const whole = await process(values, WHOLE)
        expect(cut.changes).toEqual(whole.changes)
        expect(cut.state).toEqual(whole.state)
      }),
    )
  })

  it('resolves only when both stages have passed the quiet time', async () => {
    const one = encodeFinding(finding(10))
    const ahead = await process([one, tick(500, 'stage1/0')], WHOLE)
    expect(ahead.changes.map(({ status }) => status)).toEqual(['open'])
    const both = await process([one, tick(500, 'stage1/0'), tick(70, 'stage2/0')], WHOLE)
    expect(both.changes.map(({ status }) => status)).toEqual(['open', 'resolved'])
  })

  it('forwards the watermark behind its changes', async () => {
    const { ticks } = await process([tick(30, 'stage1/0'), tick(20, 'stage2/0')], [{ size: 1, restart: true }])
    expect(ticks.map(({ producer, time, seq }) => [producer, time, seq])).toEqual([
      ['incidents/0', 0, 0],
      ['incidents/0', T0 + 20_000_000, 1],
    ])
  })

  it('forgets a resolved incident once it can no longer reopen', async () => {
    const kept = [encodeFinding(finding(10)), tick(70 + 3_600, 'stage1/0'), tick(70 + 3_600, 'stage2/0')]
    expect((await process(kept, WHOLE)).state.has('incident/f1')).toBe(true)
    const over = [...kept, tick(70 + 3_601, 'stage1/0'), tick(70 + 3_601, 'stage2/0')]
    expect((await process(over, WHOLE)).state.has('incident/f1')).toBe(false)
  })

  it('holds no more than its bound; the severe ones stay and those let go are told as resolved', async () => {
    const flood = Array.from({ length: 500 }, (_, i) =>
      encodeFinding(finding(20 + i, { fingerprint: `info${i}`, severity: 'info' as Finding['severity'] })),
    )
    const values = [encodeFinding(finding(10, { fingerprint: 'worst', severity: 'critical' })), ...flood]
    const { state, changes } = await process(values, WHOLE, { ...options, maxIncidents: 100 })
    expect(state.size).toBeLessThanOrEqual(100)
    expect(state.has('incident/worst')).toBe(true)
    const last = new Map(changes.map((record) => [record.fingerprint, record.status]))
    const open = [...last].filter(([, status]) => status === 'open').map(([fingerprint]) => `incident/${fingerprint}`)
    expect(new Set(open)).toEqual(new Set(state.keys()))
  })
})

describe('what people do', () => {
  const FIRST = applyFinding(undefined, finding(10), 0)[0]!.record
  const INCIDENT = { incidentId: FIRST.id, fingerprint: FIRST.fingerprint }
  const act = (...all: Parameters<typeof action>) => encodeAction(action(...all))
  const acknowledge = act(15, { type: 'acknowledge', ...INCIDENT })
  const resolve = act(20, { type: 'resolve', ...INCIDENT })
  const accept = act(20, { type: 'accept', ...INCIDENT, until: T0 + 5000 * SECOND })
  const silence = (changes: Partial<Extract<Action, { type: 'silence' }>> = {}) =>
    act(5, {
      type: 'silence',
      matchers: ['destination="payment.shop"'],
      startsAt: 0,
      endsAt: T0 + 300 * SECOND,
      ...changes,
    })
  const ticks = (time: number) => ['stage1/0', 'stage2/0'].map((producer) => tick(time, producer))
  const found = (end: number, changes: Partial<Finding> = {}) => encodeFinding(finding(end, changes))
  /** One record a batch and a restart before each: all of it must come from the state. */
  const run = async (...values: (Uint8Array | Uint8Array[])[]) => process(values.flat(), [{ size: 1, restart: true }])

  it('acknowledging says who and when, and lasts until the incident is over', async () => {
    const { changes, audit } = await run(found(10), acknowledge, found(20), ticks(80), found(90))
    expect(
      changes.map(({ status, acknowledgedBy, acknowledgedAt }) => [status, acknowledgedBy, acknowledgedAt]),
    ).toEqual([
      ['open', '', 0],
      ['open', 'ada', T0 + 15 * SECOND],
      ['open', 'ada', T0 + 15 * SECOND],
      ['resolved', 'ada', T0 + 15 * SECOND],
      ['open', '', 0],
    ])
    expect(audit).toEqual([
      {
        type: 'audit',
        id: 'a15',
        at: T0 + 15 * SECOND,
        actor: 'ada',
        action: 'acknowledge',
        subject: `incident ${FIRST.id}`,
        detail: 'done. known',
      },
    ])
  })

  it('resolving by hand ends it; what was under way does not bring it back, what comes after does', async () => {
    const { changes } = await run(found(10), resolve, found(18), found(40))
    expect(changes.map(({ status, resolvedBy, reopened }) => [status, resolvedBy, reopened])).toEqual([
      ['open', '', 0],
      ['resolved', 'ada', 0],
      ['resolved', 'ada', 0],
      ['open', '', 1],
    ])
  })

  it('accepting ends it, and further findings like it open nothing until then', async () => {
    const { changes } = await run(found(10), accept, found(40), ticks(4000), found(4900), ticks(5100), found(5200))
    expect(changes.map(({ status, acceptedUntil }) => [status, acceptedUntil])).toEqual([
      ['open', 0],
      ['resolved', T0 + 5000 * SECOND],
      ['open', 0],
    ])
    expect(changes.at(-1)?.id).not.toBe(FIRST.id)
  })

  it.each<[string, Partial<Finding>]>([
    ['a new kind', { kind: 'scan' }],
    ['a higher severity', { severity: 'critical' }],
    ['a new source', { key: { ...finding(10).key, sourceIdentity: 'cluster.local/ns/web/sa/front' } }],
    ['a new destination', { key: { ...finding(10).key, destinationService: 'ledger.bank' } }],
  ])('accepting does not speak of %s', async (_, news) => {
    const { changes } = await run(found(10), accept, found(40), found(50, news))
    expect(changes.map(({ status, reopened, acceptedUntil }) => [status, reopened, acceptedUntil > 0])).toEqual([
      ['open', 0, false],
      ['resolved', 0, true],
      ['open', 1, false],
    ])
  })

  it('a silence mutes what is open and what opens, until its end', async () => {
    const { changes, silences } = await run(
      found(10, { quietUs: HOUR }),
      silence(),
      found(20, { fingerprint: 'f2', quietUs: HOUR }),
      ticks(299),
      ticks(300),
    )
    const seen = changes.map(({ fingerprint, version, silencedBy, silencedUntil }) => [
      fingerprint,
      version,
      silencedBy,
      silencedUntil,
    ])
    expect(seen).toEqual([
      ['f1', 1, '', 0],
      ['f1', 2, 'a5', T0 + 300 * SECOND],
      ['f2', 1, 'a5', T0 + 300 * SECOND],
      ['f1', 3, '', 0],
      ['f2', 2, '', 0],
    ])
    expect(silences).toMatchObject([{ id: 'a5', version: 1, createdBy: 'ada', reason: 'known', endedBy: '' }])
  })

  it('a silence is ended by hand', async () => {
    const { changes, silences, audit } = await run(
      silence(),
      found(10),
      act(20, { type: 'end_silence', silenceId: 'a5' }),
    )
    expect(changes.map(({ silencedBy }) => silencedBy)).toEqual(['a5', ''])
    expect(silences.map(({ version, endedBy }) => [version, endedBy])).toEqual([
      [1, ''],
      [2, 'ada'],
    ])
    expect(audit.map(({ action: what, subject }) => `${what} ${subject}`)).toEqual([
      'silence silence a5',
      'end_silence silence a5',
    ])
  })

  it('an impostor stays audible, unless an admin mutes it', async () => {
    const impostor = { kind: 'impostor', detector: 'tls_failure' }
    const { changes } = await run(silence(), found(10, impostor), silence({ id: 'root', actor: ADMIN }))
    expect(changes.map(({ silencedBy }) => silencedBy)).toEqual(['', 'root'])
  })

  it.each<[string, Uint8Array, string]>([
    ['an incident that is not there', act(20, { type: 'acknowledge', incidentId: 'x', fingerprint: 'f1' }), 'too late'],
    [
      'a fingerprint that is not there',
      act(20, { type: 'resolve', incidentId: FIRST.id, fingerprint: 'x' }),
      'too late',
    ],
    ['a silence that is not there', act(20, { type: 'end_silence', silenceId: 'x' }), 'too late'],
    ['a silence without end', silence({ endsAt: Number.NaN }), 'refused: a silence ends after it starts'],
    ['a silence of nothing', silence({ matchers: [] }), 'refused: a silence has 1 to 8'],
  ])('%s is told in the audit', async (_, value, why) => {
    const { changes, audit } = await run(found(10), value)
    expect(changes.length).toBe(1)
    expect(audit.map(({ detail }) => detail)).toEqual([expect.stringContaining(why)])
  })

  it('10,000 findings of one cause are one incident', async () => {
    const storm = Array.from({ length: 10_000 }, (_, i) =>
      finding(10 + (i % 50), {
        id: `s${i}`,
        key: { ...finding(10).key, sourceIdentity: `cluster.local/ns/shop/sa/s${i}` },
      }),
    )
    const { changes } = await process(storm.map(encodeFinding), WHOLE)
    expect(new Set(changes.map(({ id }) => id)).size).toBe(1)
    expect(changes.at(-1)).toMatchObject({ findings: 10_000, status: 'open' })
    expect(changes.at(-1)?.sources.length).toBe(64)
  })
})
