import { describe, expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../core/clock.ts'
import { isUniqueSerial } from '../../detectors/certificate-serials.ts'
import type { Finding } from '../../detectors/detector.ts'
import { tlsFailure } from '../../detectors/tls-failure.ts'
import type { MismatchTally, PairWindow, TlsTally } from '../../detectors/window.ts'
import { alone, pairWindow, tally } from './alone.ts'
import { identity, START } from './world.ts'

const RANDOM = '3f9c0a17d2b84e6690aa51c7be12f4d8'
const OTHER = '77aa0a17d2b84e6690aa51c7be12f400'

const pairOf = (source: string) => ({
  sourceIdentity: identity(source),
  sourceWorkload: source,
  sourceNamespace: 'shop',
})

/** A window in which the caller's good certificate comes from the address of another. */
function misplaced(at: number, caller: string, place: string, peerSerial: string, trust = 'verified'): PairWindow {
  const mismatch: MismatchTally = {
    address: `10.0.0.${place.length}`,
    addressIdentity: identity(place),
    peerSerial,
    count: 2,
    first: at,
    last: at,
  }
  const pair = { ...pairOf(place), sourceIdentity: identity(caller) }
  return pairWindow(at, pair, { mismatches: [mismatch], trust: trust as PairWindow['trust'] })
}

/** A window in which a certificate is refused at the address of a workload. */
function refused(at: number, place: string, peerSerial: string, change: Partial<TlsTally> = {}): PairWindow {
  const failure: TlsTally = {
    reporter: 'destination',
    failure: 'expired',
    rejectedBy: 'destination',
    count: 3,
    first: at,
    last: at,
    peerIssuer: 'O=cluster.local',
    peerSerial,
    peerNotAfter: START,
    detail: '',
    addresses: [`10.0.0.${place.length}`],
    addressIdentity: identity(place),
    ...change,
  }
  return pairWindow(at, pairOf(place), { tls: [failure], tallies: [tally({ connections: 3 })] })
}

function stolen(...groups: PairWindow[][]): Finding[] {
  const judge = alone(tlsFailure)
  return groups.flatMap((windows) => judge(windows)).filter(({ kind }) => kind.includes('stolen_identity'))
}

describe('a stolen identity by its serial', () => {
  test('a valid certificate at two wrong addresses is told with both', () => {
    const found = stolen(
      [misplaced(START, 'checkout', 'ads', RANDOM)],
      [misplaced(START + MINUTE, 'checkout', 'recommendation', RANDOM)],
    )
    expect(found.map(({ severity }) => severity)).toEqual(['critical', 'critical'])
    expect(new Set(found.map(({ fingerprint }) => fingerprint)).size).toBe(1)
    expect(found[0]!.evidence.facts.same_certificate_at).toBeUndefined()
    expect(found[1]!.evidence.facts.same_certificate_at).toBe(identity('ads'))
    expect(found[1]!.evidence.verdict).toContain(`the same certificate also comes from ${identity('ads')}`)
  })

  test('one refused certificate at the addresses of two workloads is critical, in one incident', () => {
    const found = stolen(
      [refused(START, 'checkout', RANDOM), refused(START, 'ads', RANDOM)],
      [refused(START + 10 * SECOND, 'ads', RANDOM)],
    )
    expect(found.map(({ kind, severity }) => [kind, severity])).toEqual(
      Array.from({ length: 3 }, () => ['stolen_identity', 'critical']),
    )
    expect(new Set(found.map(({ fingerprint }) => fingerprint)).size).toBe(1)
    expect(found[0]!.evidence.verdict).toContain(RANDOM)
    expect(found[0]!.evidence.sql).toContain(`tls_peer_serial = '${RANDOM}'`)
  })

  test.each<[string, PairWindow[][]]>([
    [
      'a rotation: each workload with its new serial',
      [[refused(START, 'checkout', RANDOM), refused(START, 'ads', OTHER)]],
    ],
    [
      'replicas or workloads of one identity',
      [[refused(START, 'checkout', RANDOM)], [refused(START, 'checkout', RANDOM, { addresses: ['10.0.0.99'] })]],
    ],
    ['a counter that two issuers share', [[refused(START, 'checkout', '2f'), refused(START, 'ads', '2f')]]],
    ['no serial', [[refused(START, 'checkout', ''), refused(START, 'ads', '')]]],
    [
      'an address that the inventory does not know',
      [[refused(START, 'checkout', RANDOM), refused(START, 'ads', RANDOM, { addressIdentity: '' })]],
    ],
    [
      'an address given to another pod a quarter of an hour later',
      [[refused(START, 'checkout', RANDOM)], [refused(START + 15 * MINUTE, 'ads', RANDOM)]],
    ],
    [
      "the caller's own view, which has no certificate of the caller",
      [[refused(START, 'checkout', RANDOM), refused(START, 'ads', RANDOM, { reporter: 'source' })]],
    ],
    [
      'one certificate shared by all callers, all refused',
      [['checkout', 'ads', 'payment'].map((place) => refused(START, place, RANDOM))],
    ],
  ])('%s is no theft', (_, groups) => {
    expect(stolen(...groups)).toEqual([])
  })

  test('a caller that shows a hundred certificates hides no other', () => {
    const junk = Array.from({ length: 100 }, (_, i) => [
      refused(START + i, 'ads', `${(0x1000 + i).toString(16)}${RANDOM.slice(4)}`, { failure: 'unknown_ca' }),
    ])
    const copied = [refused(START + 200, 'checkout', OTHER), refused(START + 200, 'payment', OTHER)]
    expect(stolen(...junk, copied).map(({ key }) => key.sourceWorkload)).toEqual(['checkout', 'payment'])
  })

  test('what an unverified sender says of serials is not remembered', () => {
    const found = stolen(
      [misplaced(START, 'checkout', 'ads', RANDOM, 'claimed')],
      [misplaced(START + MINUTE, 'checkout', 'recommendation', RANDOM)],
    )
    expect(found.map(({ kind }) => kind)).toEqual(['claimed_stolen_identity', 'stolen_identity'])
    expect(found[1]!.evidence.facts.same_certificate_at).toBeUndefined()
  })

  test.each([
    ['', 'no certificate serial'],
    ['1a', 'a mere counter'],
    [RANDOM, 'good handshakes from the right address are not compared'],
  ])('with serial "%s" it says what it could not see', (serial, said) => {
    expect(stolen([misplaced(START, 'checkout', 'ads', serial)])[0]!.evidence.blind).toContain(said)
  })

  test('only serials too long to be a counter tell certificates apart', () => {
    expect([RANDOM, '1000000000000000'].map(isUniqueSerial)).toEqual([true, true])
    expect(
      ['', '1', '0000000000000000000000000000002f', 'ffffffffffff', 'not hex at all, though it is long'].map(
        isUniqueSerial,
      ),
    ).toEqual([false, false, false, false, false])
  })
})
