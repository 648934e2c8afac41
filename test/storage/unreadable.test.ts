import { describe, expect, it } from 'vitest'
import { encodeFinding } from '../../detectors/detector.ts'
import { SINKS } from '../../storage/sinks/registry.ts'
import { finding } from '../alerts/findings.ts'

const GARBAGE = 'garbage'
/** Each kind of record's beginning, and nothing right behind it. */
const BEGINNINGS = ['EWB1', 'EWW2', 'EWF1', 'EWI1', 'EWR1', 'EWN1']

describe('sinks', () => {
  it('pass over every kind of record that is damaged, or not of Eastwatch, and count it as a part of the batch', () => {
    for (const { name, gatherer } of SINKS) {
      const sink = gatherer(undefined)
      for (const text of ['', GARBAGE, ...BEGINNINGS.map((four) => four + GARBAGE)]) {
        const given = { name, text, ends: false, ...sink.add(Buffer.from(text)) }
        expect(given).toEqual({ name, text, ends: false, rows: 0, bytes: Math.max(1, text.length) })
      }
      expect(sink.inserts()).toEqual([])
    }
  })

  it('pass over a finding that lacks what makes a row, and take the next', () => {
    const sink = SINKS.find(({ name }) => name === 'findings')!.gatherer(undefined)
    expect(sink.add(Buffer.from('EWF1{}')).rows).toBe(0)
    expect(sink.add(encodeFinding(finding(1, { fingerprint: 'f' }))).rows).toBe(1)
  })
})
