import { describe, expect, it } from 'vitest'
import { readRecording } from '../envoy/fixture.ts'
import { countRecords } from '../envoy/sink.ts'
import { grpcClient, running } from './running.ts'

describe('collector', () => {
  it('takes what a real Envoy sent, and every record is a call', async () => {
    const collector = await running()
    const client = grpcClient(collector.ports.grpc)
    const { bodies } = readRecording('allowed_http')
    for (const body of bodies) expect((await client.send(body)).length).toBe(0)
    const records = bodies.reduce((sum, body) => sum + countRecords(body), 0)
    expect(collector.bus.calls()).toHaveLength(records)
    expect(collector.counts.received.logs).toBe(records)
    client.close()
    await collector.stop()
  })
})
