/** A valid identity from an address that is another's: a server accepts any certificate its CA signed, so a stolen key never fails. */
import type { Finding, Severity, WindowGroup } from './detector.ts'
import { pairFindingKey, sourceName } from './finding.ts'
import { tlsFinding } from './tls-finding.ts'
import type { MismatchTally, PairWindow } from './window.ts'

export function stolenIdentity(group: WindowGroup, window: PairWindow, isScanner: boolean): Finding[] {
  if (window.mismatches.length === 0) return []
  const count = window.mismatches.reduce((sum, mismatch) => sum + mismatch.count, 0)
  const most = [...window.mismatches].sort((a, b) => b.count - a.count || (a.address < b.address ? -1 : 1))[0]!
  const claimed = window.trust === 'claimed'
  const severity: Severity = claimed || isScanner ? 'info' : 'critical'
  const key = pairFindingKey(window.pair)
  const name = sourceName({ ...window.pair, sourceWorkload: '', sourceNamespace: '' })
  return [
    tlsFinding(group, {
      verdict: {
        kind: claimed ? 'claimed_stolen_identity' : 'stolen_identity',
        severity,
        fault: 'source',
        text: `stolen identity: a valid certificate of ${window.pair.sourceIdentity} is used from ${most.address}, where ${most.addressIdentity} lives`,
        least: 1,
        byRate: false,
        technique: 'T1552.004',
      },
      key,
      incidentKey: { sourceIdentity: window.pair.sourceIdentity },
      summary: `The identity of ${name} is used from ${most.address}, the address of ${most.addressIdentity}, to call ${window.pair.destinationService} (${count} records)`,
      observed: count,
      first: Math.min(...window.mismatches.map(({ first }) => first)),
      last: Math.max(...window.mismatches.map(({ last }) => last)),
      examples: window.examples.mismatch ?? [],
      facts: mismatchFacts(most),
      blind: claimed
        ? 'reported by an unverified sender only'
        : 'rests on the declared inventory: an address it has wrong looks the same',
      where: ["source_address_identity != ''", 'source_address_identity != source_identity'],
    }),
  ]
}

function mismatchFacts({ address, addressIdentity, peerSerial }: MismatchTally): Record<string, string> {
  return { address, address_belongs_to: addressIdentity, ...(peerSerial === '' ? {} : { serial: peerSerial }) }
}
