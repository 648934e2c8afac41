import { DEFAULT_LIMITS } from '../../collector/otlp/limits.ts'
import { readLogs } from '../../collector/otlp/read-logs.ts'
import { envoySource } from '../../collector/sources/envoy.ts'
import { isCall } from '../../collector/sources/source.ts'
import type { Call } from '../../core/call.ts'
import { SECOND } from '../../core/clock.ts'
import type { Recording } from './fixture.ts'

/** The calls that the collector's reader and the Envoy source make of a recording. Nothing may be left unread. */
export function readCalls({ facts, bodies }: Recording): Call[] {
  const context = { sender: 'spiffe://test', trust: 'verified', received: facts.end + 10 * SECOND } as const
  const calls: Call[] = []
  for (const body of bodies) {
    readLogs(body, DEFAULT_LIMITS, (record) => {
      const read = envoySource.read(record, context)
      if (!isCall(read)) throw new Error(`${facts.scenario}: ${read.reason}: ${read.detail}`)
      calls.push(read)
    })
  }
  if (calls.length !== facts.records) throw new Error(`${calls.length} calls of ${facts.records} records`)
  return calls
}
