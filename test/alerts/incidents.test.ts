import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type IncidentsOptions, startIncidents } from '../../alerts/incidents.ts'
import type { BusRecord } from '../../core/bus/bus.ts'
import { HOUR } from '../../core/clock.ts'
import { decodeTick } from '../../core/tick.ts'
import { encodeFinding, type Finding } from '../../detectors/detector.ts'
import { decodeAlertRecord, type IncidentRecord } from '../../storage/incident-records.ts'
import { finding, quietLogger, T0, tick } from './findings.ts'

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
  const changes = published.map(decodeAlertRecord).filter((one): one is IncidentRecord => one?.type === 'incident')
  return { changes, ticks: published.map(decodeTick).filter((one) => one !== undefined), state }
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
