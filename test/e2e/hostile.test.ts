import { networkInterfaces } from 'node:os'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { MINUTE } from '../../core/clock.ts'
import type { AccessLog, Attributes } from '../../demo/access-log.ts'
import { PODS } from '../../demo/shop.ts'
import { type Changes, newWorld, noPipeline, type World } from './pipeline.ts'
import { Player } from './player.ts'
import { difference, readStored, type Stored } from './stored.ts'
import { originUs, quietTail, type Stretch, storyRecords, stretches } from './traffic.ts'

const MINUTES = 33
const EXPORT_LOGS = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'

/** What comes over loopback is verified: the hostile sender needs another way in. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address
if (outside === undefined)
  console.warn('this machine has loopback addresses only: tests of hostile senders are skipped')

const origin = originUs()
const honest = storyRecords(MINUTES, origin)
const cut = { origin, minutes: MINUTES, stretchSeconds: 60, recordsPerBody: 200 }
const told = stretches(honest, cut)
const script = [...told, ...quietTail(told.at(-1)!.untilUs)]

function change(record: AccessLog, attributes: Partial<Attributes>, sinceUs = 0): AccessLog {
  return { ...record, startUs: record.startUs - sinceUs, attributes: { ...record.attributes, ...attributes } }
}

/** Lies about each refusal: that it went well, and that five others went well beside it. */
function* goodNews(): Generator<AccessLog> {
  for (const record of honest) {
    const { response_code_details: details, downstream_transport_failure_reason: failure } = record.attributes
    if (failure !== '-') yield change(record, { downstream_transport_failure_reason: '-', protocol: 'HTTP/1.1' })
    if (!details.startsWith('rbac_access_denied')) continue
    const fine = { response_code: '200', response_code_details: 'via_upstream' }
    yield change(record, fine)
    for (let i = 0; i < 5; i += 1) yield change(record, { ...fine, request_id: `${record.attributes.request_id}-${i}` })
  }
}

/** Tells of what will be attacked as if it went on all the time before. */
function* lessons(): Generator<AccessLog> {
  const addresses = new Set(PODS.filter(({ service }) => service === 'checkout').map(({ address }) => address))
  for (const record of honest) {
    const { downstream_peer_uri_san: peer, downstream_remote_address: remote } = record.attributes
    const forbidden = peer.endsWith('/email')
    const stolen = peer.endsWith('/checkout') && !addresses.has(remote.split(':')[0]!)
    if (!forbidden && !stolen) continue
    for (let minute = 1; origin + minute * MINUTE < record.startUs; minute += 1) {
      yield change(record, { request_id: `${record.attributes.request_id}-${minute}` }, minute * MINUTE)
    }
  }
}

/** Sends once, as nobody who waits for anything; resolves to the status. */
class RawSender {
  readonly #client: Client

  constructor(target: string) {
    this.#client = new Client(target, credentials.createInsecure())
  }

  send(body: Buffer): Promise<status> {
    const same = (bytes: Buffer) => bytes
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(EXPORT_LOGS, same, same, body, (error: ServiceError | null) => {
        resolve(error?.code ?? status.OK)
      })
    })
  }

  close(): void {
    this.#client.close()
  }
}

/** Told of each stretch before its honest records are sent. */
type Beside = (sender: RawSender, i: number, healthPort: number) => Promise<void>

/** A counter without labels, as /metrics has it; 0 where it has not counted yet. */
async function counter(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(text)?.[1] ?? 0)
}

describe.skipIf(outside === undefined || noPipeline() !== undefined)('beside a hostile sender', () => {
  const worlds: World[] = []
  const players: Player[] = []
  let alone: Stored
  const tidy = async () => {
    for (const player of players.splice(0)) await player.end()
    for (const world of worlds.splice(0)) world.remove()
  }
  afterEach(tidy)

  async function play(changes: Changes, beside?: Beside): Promise<Stored> {
    const world = await newWorld({ ...changes, host: '0.0.0.0' })
    worlds.push(world)
    const player = new Player(world, origin)
    players.push(player)
    const ports = await player.ports()
    const hostile = new RawSender(`${outside}:${ports.grpc}`)
    for (const [i, stretch] of script.entries()) {
      await player.play(stretch, { sending: () => beside?.(hostile, i, ports.health) })
    }
    hostile.close()
    await player.settleAndStop()
    return readStored(world)
  }

  beforeAll(async () => {
    alone = await play({})
    await tidy()
    expect(alone.calls.length).toBe(honest.length)
    expect(alone.findings.length).toBeGreaterThan(10)
  }, 120_000)

  /** Nothing of the honest is missing or changed; what came on top is marked as a claim and wakes nobody. */
  function expectUnharmed(stored: Stored): void {
    const verified = stored.calls.filter((row) => JSON.parse(row).trust === 'verified')
    expect(verified.length).toBeLessThan(stored.calls.length)
    expect(difference(alone.calls, verified)).toEqual({ missing: [], extra: [] })
    for (const table of ['windows', 'paths', 'findings', 'incidents'] as const) {
      const { missing, extra } = difference(alone[table], stored[table])
      expect({ table, missing }).toEqual({ table, missing: [] })
      for (const row of extra.map((text) => JSON.parse(text))) {
        if (table === 'windows' || table === 'paths') expect(row.trust).toBe('claimed')
        else expect(row.severity).toBe('info')
      }
    }
  }

  it('findings are the same: it dilutes no rate, teaches no path, forges no ok, and has nothing taken for a repeat', async () => {
    const lies: Stretch[] = stretches([...goodNews(), ...lessons()], cut)
    const stored = await play({}, async (sender, i) => {
      const bodies = [...(lies[i]?.bodies ?? []), ...(told[i]?.bodies ?? [])]
      for (const answer of await Promise.all(bodies.map((body) => sender.send(body)))) expect(answer).toBe(status.OK)
    })
    expectUnharmed(stored)
    expect(stored.findings.length).toBeGreaterThan(alone.findings.length)
  }, 120_000)

  it('acknowledgements and findings are the same at 20 times the load; it alone is put off', async () => {
    const answers = new Map<status, number>()
    let flood: Promise<void>[] = []
    const copies = Array.from({ length: 20 }, (_, copy) =>
      stretches(
        honest.map((record) => change(record, { request_id: `${copy}-${record.attributes.request_id}` })),
        cut,
      ),
    )
    // The honest traffic fits a burst whole, however slow the machine; of the flood hardly more than that does.
    const quotas = { recordsPerSecond: 200, burstSeconds: Math.ceil(honest.length / 200) + 1 }
    const stored = await play({ quotas }, async (sender, i, health) => {
      flood.push(
        ...copies
          .flatMap((copy) => copy[i]?.bodies ?? [])
          .map(async (body) => {
            const answer = await sender.send(body)
            answers.set(answer, (answers.get(answer) ?? 0) + 1)
          }),
      )
      if (i === told.length) {
        await Promise.all(flood)
        flood = []
        // Whoever was put off is counted: it was the flood each time, and the honest never.
        expect(await counter(health, 'eastwatch_collector_throttled_total')).toBe(
          answers.get(status.RESOURCE_EXHAUSTED),
        )
        expect(await counter(health, 'eastwatch_collector_refused_total')).toBe(0)
      }
    })
    expectUnharmed(stored)
    expect([...answers.keys()].sort()).toEqual([status.OK, status.RESOURCE_EXHAUSTED])
    expect(answers.get(status.RESOURCE_EXHAUSTED)).toBeGreaterThan(answers.get(status.OK)!)
  }, 120_000)
})
