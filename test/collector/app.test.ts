import { createHash } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { readRecording } from '../envoy/fixture.ts'
import { countRecords } from '../envoy/sink.ts'
import { logs } from './requests.ts'
import { grpcClient, running } from './running.ts'

describe('collector', () => {
  it('takes what a real Envoy sent, and every record is a call', async () => {
    const collector = await running()
    const client = grpcClient(collector.ports.grpc)
    const { bodies } = readRecording('allowed_http')
    for (const body of bodies) expect((await client.send(body)).length).toBe(0)
    const records = bodies.reduce((sum, body) => sum + countRecords(body), 0)
    expect(collector.bus.calls()).toHaveLength(records)
    expect(collector.counts().received.logs).toBe(records)
    client.close()
    await collector.stop()
  })

  it('puts off a sender at twenty times its quota, and acknowledges everything of another', async () => {
    const token = (name: string) => ({ name, sha256: createHash('sha256').update(name).digest('hex') })
    const quotas = { recordsPerSecond: 100, burstSeconds: 1 }
    const collector = await running({ tokens: [token('loud'), token('quiet')], quotas })
    const { grpc } = collector.ports
    const [loud, quiet] = [grpcClient(grpc, { token: 'loud' }), grpcClient(grpc, { token: 'quiet' })]
    const send = (client: typeof loud, mark: string, times: number) =>
      Promise.allSettled(Array.from({ length: times }, (_, i) => client.send(logs(10, `${mark}${i}`))))
    await loud.send(logs(200, 'first'))
    const [refused, taken] = await Promise.all([send(loud, 'l', 100), send(quiet, 'q', 5)])
    expect(taken.map(({ status }) => status)).toEqual(Array(5).fill('fulfilled'))
    expect(refused.every((one) => one.status === 'rejected' && one.reason.code === status.RESOURCE_EXHAUSTED)).toBe(
      true,
    )
    expect(collector.counts().throttled).toBe(100)
    loud.close()
    quiet.close()
    await collector.stop()
  })

  it('finishes what is under way when it stops, and asks newcomers to come again', async () => {
    const collector = await running()
    let open = () => {}
    collector.bus.gate = () => new Promise((resolve) => (open = resolve))
    const client = grpcClient(collector.ports.grpc)
    const sent = client.send(logs(3))
    await expect.poll(() => collector.bus.publications).toBe(1)
    const stopped = collector.stop()
    collector.bus.gate = async () => {}
    open()
    expect(await sent).toHaveLength(0)
    await stopped
    expect(collector.bus.calls()).toHaveLength(3)
    expect(collector.bus.ticks(0).at(-1)).toMatchObject({ leave: true })
    await expect(client.send(logs(1))).rejects.toMatchObject({ code: status.UNAVAILABLE })
    client.close()
  })
})
