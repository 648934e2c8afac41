/**
 * Identities used from where they do not live. A server accepts any certificate its CA signed, so a stolen key that is still good
 * never fails: it comes from an address that is another's. One that is refused shows by its serial, at two workloads' addresses.
 */
import { alsoPresentedAt, isUniqueSerial, type Presented } from './certificate-serials.ts'
import type { Finding, Severity, WindowGroup } from './detector.ts'
import { literal } from './evidence-sql.ts'
import { pairFindingKey, sourceName } from './finding.ts'
import type { TlsFailures } from './tls-count.ts'
import { certificateFacts, tlsFinding } from './tls-finding.ts'
import type { Verdict } from './tls-verdict.ts'
import type { MismatchTally, PairWindow } from './window.ts'
import { counted } from './wording.ts'

const STOLEN: Verdict = {
  kind: 'stolen_identity',
  severity: 'critical',
  fault: 'source',
  text: '',
  least: 1,
  byRate: false,
  technique: 'T1552.004',
}

/** A valid identity from an address that the inventory gives to another. */
export function stolenIdentity(
  group: WindowGroup,
  window: PairWindow,
  presented: readonly Presented[],
  isScanner: boolean,
): Finding[] {
  if (window.mismatches.length === 0) return []
  const count = window.mismatches.reduce((sum, mismatch) => sum + mismatch.count, 0)
  const most = [...window.mismatches].sort((a, b) => b.count - a.count || (a.address < b.address ? -1 : 1))[0]!
  const claimed = window.trust === 'claimed'
  const severity: Severity = claimed || isScanner ? 'info' : 'critical'
  const name = sourceName({ ...window.pair, sourceWorkload: '', sourceNamespace: '' })
  const elsewhere = claimed ? [] : alsoPresentedAt(presented, most.peerSerial, most.addressIdentity)
  const copied = elsewhere.length === 0 ? '' : `; the same certificate also comes from ${elsewhere.join(', ')}`
  return [
    tlsFinding(group, {
      verdict: {
        ...STOLEN,
        kind: claimed ? 'claimed_stolen_identity' : STOLEN.kind,
        severity,
        text: `stolen identity: a valid certificate of ${window.pair.sourceIdentity} is used from ${most.address}, where ${most.addressIdentity} lives${copied}`,
      },
      key: pairFindingKey(window.pair),
      incidentKey: { sourceIdentity: window.pair.sourceIdentity },
      summary: `The identity of ${name} is used from ${most.address}, the address of ${most.addressIdentity}, to call ${window.pair.destinationService} (${counted(count, 'record')})`,
      observed: count,
      first: Math.min(...window.mismatches.map(({ first }) => first)),
      last: Math.max(...window.mismatches.map(({ last }) => last)),
      examples: window.examples.mismatch ?? [],
      facts: mismatchFacts(most, elsewhere),
      blind: claimed ? 'reported by an unverified sender only' : `${INVENTORY}; ${serialBlindness(most.peerSerial)}`,
      where: ["source_address_identity != ''", 'source_address_identity != source_identity'],
    }),
  ]
}

/** A certificate that is refused (expired, revoked) at the addresses of two identities. */
export function copiedCertificate(
  group: WindowGroup,
  window: PairWindow,
  { tally, count }: TlsFailures,
  presented: readonly Presented[],
): Finding[] {
  const { reporter, peerSerial, addressIdentity, failure } = tally
  if (reporter !== 'destination') return []
  const elsewhere = alsoPresentedAt(presented, peerSerial, addressIdentity)
  if (elsewhere.length === 0) return []
  const holders = [addressIdentity, ...elsewhere].sort()
  return [
    tlsFinding(group, {
      verdict: {
        ...STOLEN,
        text: `stolen identity: one certificate, serial ${peerSerial}, is presented from the addresses of ${holders.join(' and ')}`,
      },
      key: pairFindingKey(window.pair),
      incidentKey: { sourceIdentity: holders[0]! },
      summary: `One certificate is used by ${sourceName(window.pair)} and at the address of ${elsewhere.join(', ')} to call ${window.pair.destinationService}; it is refused (${failure}), but its key was copied`,
      observed: count,
      first: tally.first,
      last: tally.last,
      examples: window.examples.tls_failure ?? [],
      facts: { failure, ...certificateFacts(tally), same_certificate_at: elsewhere.join(', ') },
      blind: `${INVENTORY}; whose the certificate is, a refused handshake does not prove`,
      shown: { destinationService: window.pair.destinationService },
      where: [`tls_peer_serial = ${literal(peerSerial)}`],
    }),
  ]
}

const INVENTORY =
  'rests on the declared inventory: an address it has wrong, or a proxy that passes TLS through, looks the same'

function serialBlindness(serial: string): string {
  if (serial === '') return 'the record has no certificate serial: where else the certificate is used is not known'
  if (!isUniqueSerial(serial)) return "the certificate's serial is a mere counter: where else it is used is not known"
  return 'good handshakes from the right address are not compared by serial'
}

function mismatchFacts(
  { address, addressIdentity, peerSerial }: MismatchTally,
  elsewhere: readonly string[],
): Record<string, string> {
  return {
    address,
    address_belongs_to: addressIdentity,
    ...(peerSerial === '' ? {} : { serial: peerSerial }),
    ...(elsewhere.length === 0 ? {} : { same_certificate_at: elsewhere.join(', ') }),
  }
}
