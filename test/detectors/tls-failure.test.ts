import { describe, expect, test } from 'vitest'
import type { Call, TlsFailure } from '../../core/call.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../core/clock.ts'
import { detect, writeCalls } from './harness.ts'
import { exchange, handshake, identity, START, seeded } from './world.ts'

const CALLERS = ['a', 'b', 'c', 'd', 'e']
const AT = START + 2 * HOUR

/** Five callers of payment, each with a good call every twenty seconds. */
function life(until = AT + 20 * MINUTE, everyUs = 20 * SECOND): Call[] {
  const random = seeded(9)
  const calls: Call[] = []
  for (let at = START; at < until; at += everyUs) {
    for (const caller of CALLERS) calls.push(...exchange(caller, 'payment', at, random))
  }
  return calls
}

function failing(source: string, tlsFailure: TlsFailure, change: Partial<Call> = {}, count = 6): Call[] {
  const own = { sourceAddress: `10.1.0.${source.charCodeAt(0)}`, sourceAddressIdentity: identity(source) }
  return Array.from({ length: count }, (_, i) =>
    handshake(source, 'payment', AT + i * 10 * SECOND, { ...own, tlsFailure, ...change }),
  )
}

const UNMESHED = {
  sourceAddressIdentity: '',
  sourceWorkload: '',
  sourceWorkloadOrigin: 'none',
  sourceNamespace: '',
} as const

async function verdicts(calls: Call[], config = {}) {
  const { findings } = await detect(writeCalls([...life(), ...calls], { blockSeconds: 10 }), { config })
  const own = findings.filter(({ detector }) => detector === 'tls_failure')
  return [...new Map(own.map((finding) => [finding.fingerprint, finding])).values()]
}

describe('tls_failure', { timeout: 60_000 }, () => {
  test.each<[TlsFailure, Partial<Call>, string, string]>([
    ['expired', {}, 'expired_certificate', 'warning'],
    ['not_yet_valid', {}, 'clock_skew', 'warning'],
    ['unknown_ca', {}, 'impostor', 'critical'],
    ['san_mismatch', {}, 'impostor', 'critical'],
    ['pin_mismatch', {}, 'impostor', 'critical'],
    ['revoked', {}, 'revoked_certificate', 'high'],
    ['cert_verify_failed_unspecified', {}, 'invalid_certificate', 'high'],
    ['local_cert_unavailable', { tlsRejectedBy: '' }, 'rotation_trouble', 'warning'],
    ['plaintext_to_strict', UNMESHED, 'unmeshed_client', 'info'],
    ['missing_client_cert', UNMESHED, 'unmeshed_client', 'info'],
    ['plaintext_to_strict', {}, 'bypassed_sidecar', 'high'],
    ['missing_client_cert', {}, 'bypassed_sidecar', 'high'],
    ['plaintext_peer', { reporter: 'source', tlsRejectedBy: 'source' }, 'plaintext_destination', 'warning'],
  ])('%s of one caller %o is %s, %s', async (failure, change, kind, severity) => {
    const found = await verdicts(failing('a', failure, change))
    expect(found.map((finding) => [finding.kind, finding.severity])).toEqual([[kind, severity]])
  })

  test('an expired certificate that the caller refuses is the fault of the destination: one incident, whoever was hit', async () => {
    const hit = CALLERS.flatMap((caller) => failing(caller, 'expired', { reporter: 'source', tlsRejectedBy: 'source' }))
    const found = await verdicts(hit)
    expect(found.map(({ kind, key }) => [kind, key.sourceIdentity, key.destinationService])).toEqual([
      ['expired_certificate', '', 'payment.shop'],
    ])
  })

  test('unknown CA at most callers of one destination at once is a botched rotation, not five impostors', async () => {
    const found = await verdicts(CALLERS.flatMap((caller) => failing(caller, 'unknown_ca')))
    expect(found.map(({ kind, severity }) => [kind, severity])).toEqual([['rotation_trouble', 'warning']])
    expect(found[0]!.evidence.facts.active_callers).toBe(5)
  })

  test('a rotation that breaks callers one after the other is told as such, without an impostor before', async () => {
    const staggered = CALLERS.flatMap((caller, i) =>
      failing(caller, 'unknown_ca').map((one) => ({
        ...one,
        end: one.end + i * 5 * SECOND,
        start: one.start + i * 5 * SECOND,
      })),
    )
    expect((await verdicts(staggered)).map(({ kind }) => kind)).toEqual(['rotation_trouble'])
  })

  test('expired certificates of all callers at one destination are clock skew', async () => {
    const found = await verdicts(CALLERS.flatMap((caller) => failing(caller, 'expired')))
    expect(found.map(({ kind }) => kind)).toContain('clock_skew')
    expect(found.find(({ kind }) => kind === 'clock_skew')!.evidence.blind).toContain('calls carry no node')
    expect(found.some(({ severity }) => severity === 'critical')).toBe(false)
  })

  test.each<TlsFailure>(['expired', 'not_yet_valid'])(
    '%s says that it cannot tell a node whose clock is wrong',
    async (failure) => {
      const [one] = await verdicts(failing('a', failure))
      expect(one!.evidence.blind).toContain('calls carry no node')
      const [unknown] = await verdicts(failing('a', 'unknown_ca'))
      expect(unknown!.evidence.blind).not.toContain('node')
    },
  )

  test('one source refused at three destinations is one incident', async () => {
    const found = await verdicts(
      ['payment', 'cart', 'auth'].flatMap((service) =>
        failing('a', 'unknown_ca', { destinationService: `${service}.shop`, ...UNMESHED, sourceAddress: '10.9.9.9' }),
      ),
    )
    expect(found.map(({ kind, quietUs }) => [kind, quietUs])).toEqual([['impostor', DAY]])
  })

  test("the refusing end's reason holds, and both ends' reports count once", async () => {
    const both = [
      ...failing('a', 'unknown_ca'),
      ...failing('a', 'san_mismatch', {
        kind: 'request',
        reporter: 'source',
        sourceIdentity: identity('a'),
        sourceIdentityOrigin: 'record',
      }),
    ]
    const found = await verdicts(both)
    expect(found.map(({ evidence }) => evidence.facts.failure)).toEqual(['unknown_ca'])
    expect(Math.max(...found.map(({ evidence }) => evidence.observed))).toBeLessThanOrEqual(6)
  })

  test("a valid identity from another workload's address is a stolen identity, at the first call", async () => {
    const random = seeded(4)
    const stolen = exchange('a', 'payment', AT, random, {
      sourceAddress: '10.0.9.9',
      sourceAddressIdentity: identity('thief'),
      tlsPeerSerial: '66',
    })[1]!
    const found = await verdicts([stolen])
    expect(found.map(({ kind, severity }) => [kind, severity])).toEqual([['stolen_identity', 'critical']])
    expect(found[0]!.evidence.facts).toMatchObject({
      address: '10.0.9.9',
      address_belongs_to: identity('thief'),
      serial: '66',
    })
  })

  test('a scanner named in the configuration informs, and pages nobody', async () => {
    const change = { ...UNMESHED, sourceAddress: '10.9.9.9' }
    const found = await verdicts(failing('a', 'unknown_ca', change), { tlsFailure: { knownScanners: ['10.9.9.9'] } })
    expect(found.map(({ severity }) => severity)).toEqual(['info'])
  })

  test('a pair that always came with mutual TLS and now comes in plaintext is a downgrade', async () => {
    const at = START + 26 * HOUR
    const random = seeded(6)
    const plain = exchange('a', 'payment', at, random, { tlsState: 'plaintext' })[1]!
    const { findings } = await detect(writeCalls([...life(at + MINUTE, 5 * MINUTE), plain], { blockSeconds: 60 }))
    expect(findings.filter(({ detector }) => detector === 'tls_failure').map(({ kind }) => kind)).toEqual(['downgrade'])
  })

  test('a few handshake time-outs among many handshakes raise nothing; many do', async () => {
    const good: Call[] = []
    for (let at = START; at < AT + MINUTE; at += SECOND) good.push(handshake('a', 'payment', at))
    const few = failing('a', 'handshake_timeout', { tlsRejectedBy: '' }, 2)
    const many = Array.from({ length: 30 }, (_, i) =>
      handshake('a', 'payment', AT + i * SECOND, { tlsFailure: 'handshake_timeout', tlsRejectedBy: '' }),
    )
    expect(await verdicts([...good, ...few])).toEqual([])
    expect((await verdicts([...good, ...many])).map(({ kind, severity }) => [kind, severity])).toEqual([
      ['handshake_failures', 'warning'],
    ])
  })
})
