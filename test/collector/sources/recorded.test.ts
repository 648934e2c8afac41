import { describe, expect, it } from 'vitest'
import { envoySource } from '../../../collector/sources/envoy.ts'
import { isCall } from '../../../collector/sources/source.ts'
import { SCENARIO_NAMES } from '../../envoy/drive.ts'
import { readRecording } from '../../envoy/fixture.ts'
import { CHECKS } from '../../envoy/scenarios.ts'
import { decodeLogs } from './records.ts'

describe('what a real Envoy sent', () => {
  it.each(SCENARIO_NAMES)('%s', (scenario) => {
    const { facts, bodies } = readRecording(scenario)
    const context = { sender: 'loopback', trust: 'verified', received: facts.end } as const
    const results = bodies.flatMap(decodeLogs).map((record) => envoySource.read(record, context))
    expect(results).toHaveLength(facts.records)
    expect(results.filter((result) => !isCall(result))).toEqual([])
    CHECKS[scenario](results.filter(isCall), facts)
  })
})
