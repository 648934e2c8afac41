import { describe, expect, it } from 'vitest'
import { MAX_SILENCES, Silences } from '../../alerts/silences.ts'
import type { EndSilenceAction, SilenceAction } from '../../core/action.ts'
import { DAY, HOUR } from '../../core/clock.ts'
import { SECOND, T0 } from './findings.ts'
import { ADMIN, action, OPERATOR, record } from './records.ts'

const at = (seconds: number) => T0 + seconds * SECOND

function silence(changes: Partial<SilenceAction> = {}): SilenceAction {
  const own = { type: 'silence', matchers: ['detector="denial_spike"'], startsAt: 0, endsAt: at(3600) } as const
  return action(100, { ...own, ...changes }) as SilenceAction
}

describe('silences', () => {
  it('mute what they match, from their making to their end by the time of the log', () => {
    const silences = new Silences()
    silences.add(silence())
    expect(silences.muting(record(), at(50))?.id).toBe('a100')
    expect(silences.muting(record(), at(3599))?.id).toBe('a100')
    expect(silences.muting(record(), at(3600))).toBeUndefined()
    expect(silences.muting(record({ detector: 'tls_failure' }), at(50))).toBeUndefined()
    expect(silences.advance(at(50), at(3599))).toBe(false)
    expect(silences.advance(at(3599), at(3600))).toBe(true)
  })

  it('begin when they say', () => {
    const silences = new Silences()
    silences.add(silence({ startsAt: at(200) }))
    expect(silences.muting(record(), at(199))).toBeUndefined()
    expect(silences.advance(at(199), at(200))).toBe(true)
    expect(silences.muting(record(), at(200))?.id).toBe('a100')
  })

  it('speak of all that an incident is about', () => {
    const silences = new Silences()
    silences.add(silence({ matchers: ['source="cluster.local/ns/shop/sa/cart"'] }))
    expect(silences.muting(record(), at(100))).toBeDefined()
    const two = record({ sources: ['cluster.local/ns/shop/sa/cart', 'cluster.local/ns/web/sa/front'] })
    expect(silences.muting(two, at(100))).toBeUndefined()
  })

  it.each(['impostor', 'stolen_identity', 'claimed_stolen_identity'])('%s is muted by an admin only', (kind) => {
    const silences = new Silences()
    silences.add(silence({ matchers: ['severity=~".*"'] }))
    const incident = record({ kinds: ['expired', kind] })
    expect(silences.muting(incident, at(100))).toBeUndefined()
    silences.add(silence({ id: 'by-admin', actor: ADMIN, matchers: ['severity=~".*"'] }))
    expect(silences.muting(incident, at(100))?.id).toBe('by-admin')
  })

  it('of somebody who is limited to namespaces mute what is wholly within them', () => {
    const silences = new Silences()
    silences.add(silence({ actor: { ...OPERATOR, namespaces: ['shop'] } }))
    expect(silences.muting(record(), at(100))).toBeDefined()
    expect(silences.muting(record({ destinations: ['ledger.bank'] }), at(100))).toBeUndefined()
    expect(silences.muting(record({ sourceNamespace: 'web' }), at(100))).toBeUndefined()
    const unknown = record({ sourceNamespace: '', sources: ['10.0.0.7'] })
    expect(silences.muting(unknown, at(100))).toBeUndefined()
  })

  it('are taken back', () => {
    const silences = new Silences()
    silences.add(silence())
    const end = action(200, { type: 'end_silence', silenceId: 'a100' }) as EndSilenceAction
    expect(silences.end(end)).toMatchObject({ version: 2, endsAt: at(200), endedBy: 'ada' })
    expect(silences.end(end)).toBeUndefined()
    expect(silences.muting(record(), at(300))).toBeUndefined()
  })

  it('are remembered', () => {
    const [before, after] = [new Silences(), new Silences()]
    before.add(silence())
    before.add(silence({ id: 'ended' }))
    before.end(action(200, { type: 'end_silence', silenceId: 'ended' }) as EndSilenceAction)
    for (const { key, value } of before.takeWrites()) if (value !== null) expect(after.restore(key, value)).toBe(true)
    expect(after.muting(record(), at(100))?.id).toBe('a100')
    expect(after.restore('incident/a', Buffer.from('{}'))).toBe(false)
  })

  it.each<[Partial<SilenceAction>, string]>([
    [{ endsAt: at(100) + 8 * DAY }, 'within 7 days'],
    [{ endsAt: at(99) }, 'ends after it starts'],
    [{ startsAt: at(5000) }, 'ends after it starts'],
    [{ startsAt: at(100) + HOUR, endsAt: at(100) + HOUR + 7 * DAY + 1 }, 'within 7 days'],
    [{ matchers: [] }, '1 to 8 matchers'],
    [{ matchers: ['severity'] }, 'no matcher'],
    [{ endsAt: Number.NaN }, 'ends after it starts'],
  ])('%j is refused', (changes, why) => {
    const silences = new Silences()
    expect(() => silences.add(silence(changes))).toThrow(why)
    expect(silences.takeWrites()).toEqual([])
  })

  it('are not more than their bound', () => {
    const silences = new Silences()
    for (let i = 0; i < MAX_SILENCES; i += 1) silences.add(silence({ id: `s${i}` }))
    expect(() => silences.add(silence({ id: 'more' }))).toThrow('end one first')
  })
})
