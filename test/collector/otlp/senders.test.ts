import { createHash } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { Senders } from '../../../collector/otlp/senders.ts'
import { isLoopback } from '../../../core/local-host.ts'

const hash = (token: string) => createHash('sha256').update(token).digest('hex')
const tokens = [
  { name: 'edge', sha256: hash('a'), relay: false },
  { name: 'relay', sha256: hash('b'), relay: true },
]
const peer = (address: string, authorization?: string, certificate?: { cn?: string; names?: string }) => ({
  address,
  authorization,
  certificate:
    certificate === undefined
      ? undefined
      : ({ subject: { CN: certificate.cn }, subjectaltname: certificate.names } as unknown as PeerCertificate),
})

describe('senders', () => {
  it('verifies loopback, and claims from elsewhere', () => {
    const senders = new Senders({ tokens: [], relayIdentities: [] })
    expect(senders.identify(peer('127.0.0.1'))).toEqual({ key: '127.0.0.1', trust: 'verified', identity: '' })
    expect(senders.identify(peer('10.0.0.9'))).toEqual({ key: '10.0.0.9', trust: 'claimed', identity: '' })
  })

  it('knows a token by name; only a relay is verified by it', () => {
    const senders = new Senders({ tokens, relayIdentities: [] })
    expect(senders.identify(peer('10.0.0.9', 'Bearer a'))).toEqual({ key: 'edge', trust: 'claimed', identity: '' })
    expect(senders.identify(peer('10.0.0.9', 'bearer b'))).toEqual({ key: 'relay', trust: 'verified', identity: '' })
    for (const authorization of [undefined, '', 'Bearer', 'Bearer c', 'Basic a', `Bearer ${hash('a')}`]) {
      expect(() => senders.identify(peer('127.0.0.1', authorization))).toThrow('bearer token')
    }
  })

  it('knows a certificate by its one SPIFFE identity, and a relay by that or its common name', () => {
    const senders = new Senders({ tokens, relayIdentities: ['spiffe://D/ns/ops/sa/otel', 'otel-collector'] })
    const of = (certificate: { cn?: string; names?: string }) =>
      senders.identify(peer('10.0.0.9', undefined, certificate))
    expect(of({ names: 'URI:spiffe://d/ns/shop/sa/web' })).toEqual({
      key: 'd/ns/shop/sa/web',
      trust: 'claimed',
      identity: 'd/ns/shop/sa/web',
    })
    expect(of({ names: 'DNS:x, URI:spiffe://d/ns/ops/sa/otel' })).toMatchObject({ trust: 'verified' })
    expect(of({ cn: 'otel-collector' })).toEqual({ key: 'otel-collector', trust: 'verified', identity: '' })
    expect(of({ cn: 'otel-collector', names: 'URI:spiffe://d/ns/shop/sa/web' })).toMatchObject({ trust: 'claimed' })
    expect(of({ cn: 'anyone' })).toEqual({ key: '10.0.0.9', trust: 'claimed', identity: '' })
  })

  it('takes no identity from a certificate with several, or with quoted names', () => {
    const senders = new Senders({ tokens: [], relayIdentities: [] })
    const identity = (names: string) => senders.identify(peer('10.0.0.9', undefined, { names })).identity
    expect(identity('URI:spiffe://d/ns/a/sa/b, URI:spiffe://d/ns/a/sa/c')).toBe('')
    expect(identity('DNS:"x, URI:spiffe://d/ns/a/sa/b, DNS:y"')).toBe('')
  })

  it('knows loopback addresses', () => {
    expect(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'].map(isLoopback)).toEqual([true, true, true, true])
    expect(['10.0.0.1', '::ffff:10.0.0.1', '127.0.0.1.evil', ''].map(isLoopback)).toEqual([false, false, false, false])
  })
})
