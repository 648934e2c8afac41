import { describe, expect, test } from 'vitest'
import { SECOND } from '../../core/clock.ts'
import { encodeTick } from '../../core/tick.ts'
import { countOnce, decodeWindows, encodeWindows, type PairWindow } from '../../detectors/window.ts'
import { detect, writeCalls } from './harness.ts'
import { exchange, handshake, START, seeded } from './world.ts'

async function windowOf(calls: ReturnType<typeof exchange>): Promise<PairWindow> {
  const { windows } = await detect(writeCalls(calls, { blockSeconds: 10 }))
  expect(windows.length).toBe(1)
  return windows[0]!
}

const AT = START + 5 * SECOND

describe('a window', () => {
  test("both ends' reports of one call meet in one pair and count once", async () => {
    const window = await windowOf(exchange('a', 'b', AT, seeded(1)))
    expect(countOnce(window)).toMatchObject({ requests: 1, reporter: 'destination' })
    expect(window.latency.gap?.samples).toBe(1)
  })

  test('a retried call is one at the source and many at the destination, which holds', async () => {
    const random = seeded(2)
    const attempts = [1, 2, 3].map((i) => exchange('a', 'b', AT + i * 1000, random, { requestId: 'r' })[1]!)
    const source = exchange('a', 'b', AT + 5000, random, { requestId: 'r', attempts: 3 })[0]!
    expect(countOnce(await windowOf([source, ...attempts])).requests).toBe(3)
  })

  test("where the destination does not report, the source's count holds", async () => {
    const window = await windowOf([exchange('a', 'b', AT, seeded(3))[0]!])
    expect(countOnce(window)).toMatchObject({ requests: 1, reporter: 'source' })
  })

  test('connections count as handshakes, never as calls', async () => {
    const window = await windowOf([...exchange('a', 'b', AT, seeded(4)), handshake('a', 'b', AT)])
    expect(countOnce(window)).toMatchObject({ requests: 1, handshakes: 1 })
  })

  test('failed handshakes are the larger of both ends', async () => {
    const failed = { tlsFailure: 'expired', outcome: 'tls_failure', tlsRejectedBy: 'destination' } as const
    const random = seeded(5)
    const seen = [1, 2, 3].map((i) => exchange('a', 'b', AT + i, random, { ...failed, status: 503 })[0]!)
    const told = [handshake('a', 'b', AT, failed), handshake('a', 'b', AT + 1, failed)]
    const window = await windowOf([...seen, ...told])
    expect(countOnce(window).outcomes[4]).toBe(3)
  })

  test('weight counts: one record may stand for many calls', async () => {
    const window = await windowOf(exchange('a', 'b', AT, seeded(6), { weight: 40 }))
    expect(countOnce(window).requests).toBe(40)
    expect(window.latency.gap).toBeNull()
  })

  test('a learned name makes no key', async () => {
    const [source] = exchange('a', 'b', AT, seeded(7), {
      sourceIdentityOrigin: 'learned',
      sourceAddressIdentity: '',
      sourceWorkloadOrigin: 'learned',
    })
    expect((await windowOf([source!])).pair).toMatchObject({
      sourceIdentity: '',
      sourceWorkload: '',
      sourceAddress: source!.sourceAddress,
    })
  })

  test('travels as it is, and a tick is no windows record', async () => {
    const windows = [await windowOf(exchange('a', 'b', AT, seeded(8)))]
    const record = { partition: 3, end: AT, windows }
    expect(decodeWindows(encodeWindows(record))).toEqual(record)
    expect(decodeWindows(encodeTick({ producer: 'p', seq: 1, time: 1, leave: false }))).toBeUndefined()
  })
})
