import { describe, expect, it } from 'vitest'
import type { Call } from '../../core/call.ts'
import { countOnce, OUTCOMES, WINDOW_US } from '../../detectors/window.ts'
import { detect, writeCalls } from '../detectors/harness.ts'
import { readCalls } from './calls.ts'
import { SCENARIO_NAMES, type ScenarioName } from './drive.ts'
import { type Facts, readRecording } from './fixture.ts'

/** What the engine counts of a scenario, over all its windows. */
async function counted(name: ScenarioName) {
  const recording = readRecording(name)
  const { windows } = await detect(writeCalls(fromWindowStart(readCalls(recording), recording.facts)))
  const once = windows.map(countOnce)
  const sum = (pick: (window: ReturnType<typeof countOnce>) => number): number =>
    once.reduce((total, window) => total + pick(window), 0)
  return {
    facts: recording.facts,
    requests: sum((window) => window.requests),
    denied: sum((window) => window.denied),
    serverErrors: sum((window) => window.outcomes[OUTCOMES.indexOf('server_error')]!),
    refused: windows
      .flatMap((window) => window.tls)
      .map(({ reporter, failure, count }) => `${reporter} ${failure} ${count}`),
  }
}

/** Moved so that no window ends between the reports of both proxies, wherever the recording happened to fall. */
function fromWindowStart(calls: Call[], facts: Facts): Call[] {
  const shift = (facts.start % WINDOW_US) - 100_000
  return calls.map((call) => ({ ...call, start: call.start - shift, end: call.end - shift }))
}

const DENIED: ScenarioName[] = [
  'denied_http',
  'denied_by_default',
  'denied_grpc',
  'denied_tcp',
  'denied_1000',
  'plain_envoy_denied',
]
const UNMESHED: ScenarioName[] = ['plaintext_to_strict', 'plaintext_to_tls']
const others = SCENARIO_NAMES.filter((name) => name !== 'retried' && !UNMESHED.includes(name))

describe('what a real Envoy sent is counted once', () => {
  it.each(others)('%s: as often as an application called', async (name) => {
    const { facts, requests, denied } = await counted(name)
    expect([requests, denied]).toEqual([facts.calls, DENIED.includes(name) ? facts.calls : 0])
  })

  it('retried: the destination was asked three times', async () => {
    expect(await counted('retried')).toMatchObject({ requests: 3, serverErrors: 2 })
  })

  it.each(UNMESHED)('%s: a handshake, not a call', async (name) => {
    expect(await counted(name)).toMatchObject({ requests: 0, refused: [`destination ${name} 1`] })
  })

  it('a refused handshake is one failure of each end that saw it', async () => {
    expect((await counted('client_unknown_ca')).refused).toEqual(['destination unknown_ca 1'])
    expect((await counted('server_wrong_san')).refused.sort()).toEqual([
      'destination san_mismatch 1',
      'source san_mismatch 1',
    ])
  })
})
