import { describe, it } from 'vitest'
import { readCalls } from './calls.ts'
import { SCENARIO_NAMES } from './drive.ts'
import { readRecording } from './fixture.ts'
import { CHECKS } from './scenarios.ts'

describe('what a real Envoy sent is understood', () => {
  it.each(SCENARIO_NAMES)('%s', (name) => {
    const recording = readRecording(name)
    CHECKS[name](readCalls(recording), recording.facts)
  })
})
