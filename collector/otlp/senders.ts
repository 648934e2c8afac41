/** Who sends: by client certificate, bearer token or address, and whether that makes its records verified. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { PipelineError } from '../../core/errors.ts'
import { canonicalIdentity } from '../../core/identity.ts'
import { isLoopback } from '../../core/local-host.ts'
import type { CollectorConfig } from '../config.ts'
import type { Sender } from '../delivery.ts'

export interface Peer {
  /** Without port; '' where it is not known. */
  address: string
  /** Of a client whose certificate was checked against `tls.clientCa`. */
  certificate: Pick<PeerCertificate, 'subject' | 'subjectaltname'> | undefined
  /** The authorization header. */
  authorization: string | undefined
}

export type SenderRules = Pick<CollectorConfig, 'tokens' | 'relayIdentities'>

export class Senders {
  readonly #tokens: readonly { name: string; hash: Buffer; relay: boolean }[]
  readonly #relays: ReadonlySet<string>

  constructor({ tokens, relayIdentities }: SenderRules) {
    this.#tokens = tokens.map(({ name, sha256, relay }) => ({ name, relay, hash: Buffer.from(sha256, 'hex') }))
    this.#relays = new Set(relayIdentities.map((name) => canonicalIdentity(name) || name))
  }

  /** Throws `unauthenticated` where a token is needed and none that is known was given. */
  identify({ address, certificate, authorization }: Peer): Sender {
    const local = isLoopback(address)
    if (certificate !== undefined) {
      const identity = identityOf(certificate.subjectaltname ?? '')
      const name = identity === '' ? String(certificate.subject?.CN ?? '') : identity
      if (name !== '' && this.#relays.has(name)) return { key: name, trust: 'verified', identity: '' }
      return { key: identity || address, trust: local ? 'verified' : 'claimed', identity }
    }
    if (this.#tokens.length === 0) return { key: address, trust: local ? 'verified' : 'claimed', identity: '' }
    const token = this.#tokenOf(authorization)
    if (token === undefined)
      throw new PipelineError('unauthenticated', 'a bearer token known to this collector is needed')
    return { key: token.name, trust: token.relay || local ? 'verified' : 'claimed', identity: '' }
  }

  /** Every hash is compared whole: the time taken tells nothing. */
  #tokenOf(authorization: string | undefined): { name: string; relay: boolean } | undefined {
    const given = /^Bearer +(\S{1,4096})$/i.exec(authorization ?? '')?.[1]
    if (given === undefined) return undefined
    const hash = createHash('sha256').update(given).digest()
    let found: { name: string; relay: boolean } | undefined
    for (const token of this.#tokens) if (timingSafeEqual(hash, token.hash)) found = token
    return found
  }
}

/**
 * The one SPIFFE identity among a certificate's alternative names, as Node prints them; '' where there is none or several. Node
 * quotes names that hold a comma or a quote: such a certificate is not one a mesh issues, and is not picked apart.
 */
function identityOf(alternativeNames: string): string {
  if (alternativeNames.includes('"')) return ''
  const uris = alternativeNames.split(', ').filter((name) => name.startsWith('URI:'))
  return uris.length === 1 ? canonicalIdentity(uris[0]!.slice(4)) : ''
}
