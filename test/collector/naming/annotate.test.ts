import { describe, expect, it } from 'vitest'
import { createAnnotator } from '../../../collector/naming/annotate.ts'
import type { Call } from '../../../core/call.ts'
import { type Fields, INBOUND, OUTBOUND, readCall } from '../sources/records.ts'
import { annotateBy } from './annotated.ts'
import { declaredWorld, undeclaredWorld } from './world.ts'

function annotated(fields: Fields): Call {
  const policy = declaredWorld()
  const call = readCall(fields)
  annotateBy(
    createAnnotator(() => policy),
    call,
  )
  return call
}

const { serviceName, k8sNamespace, requestedServerName, ...nameless } = INBOUND

describe('names from the inventory', () => {
  it('both reporters of a call get the same pair', () => {
    for (const fields of [INBOUND, OUTBOUND]) {
      expect(annotated(fields)).toMatchObject({
        sourceIdentity: 'cluster.local/ns/shop/sa/web',
        sourceIdentityOrigin: 'record',
        sourceAddressIdentity: 'cluster.local/ns/shop/sa/web',
        sourceService: 'web.shop',
        sourceWorkload: 'web',
        sourceWorkloadOrigin: 'inventory',
        sourceNamespace: 'shop',
        destinationService: 'cart.shop',
        destinationServiceOrigin: 'record',
        destinationWorkload: 'cart',
        destinationNamespace: 'shop',
      })
    }
  })

  it('an address that stands for a service becomes that service', () => {
    const bare = { ...nameless, authority: '', downstreamLocalUriSan: '' }
    expect(annotated(bare)).toMatchObject({ destinationService: 'cart.shop', destinationServiceOrigin: 'inventory' })
    const failed = {
      ...OUTBOUND,
      upstreamCluster: '',
      authority: '',
      upstreamHost: '',
      downstreamLocalAddress: '10.96.0.5:80',
    }
    expect(annotated(failed)).toMatchObject({ destinationService: 'cart.shop', destinationServiceOrigin: 'inventory' })
  })

  it('a pod without a service is named by its workload', () => {
    const bare = { ...nameless, authority: '', downstreamLocalAddress: '10.0.0.31:9000' }
    expect(annotated(bare)).toMatchObject({ destinationService: 'job.shop', destinationServiceOrigin: 'inventory' })
  })

  it('a short host gets its canonical name', () => {
    const call = annotated({ ...OUTBOUND, upstreamCluster: '', authority: 'cart:80' })
    expect(call).toMatchObject({ destinationService: 'cart.shop', destinationServiceOrigin: 'inventory' })
  })

  it('traffic that passes through to a declared endpoint is named by it, elsewhere it stays passthrough', () => {
    const through = { ...OUTBOUND, upstreamCluster: 'PassthroughCluster' }
    expect(annotated(through).destinationService).toBe('cart.shop')
    expect(annotated({ ...through, upstreamHost: '203.0.113.9:443' }).destinationService).toBe('PassthroughCluster')
  })

  it('what a caller writes into SNI or authority moves no call to another service', () => {
    const forged = {
      ...nameless,
      requestedServerName: 'outbound_.80_._.web.shop.svc.cluster.local',
      authority: 'vault.bank',
    }
    for (const fields of [forged, { ...forged, requestedServerName: '' }]) {
      expect(annotated(fields)).toMatchObject({
        destinationService: 'cart.shop',
        destinationServiceOrigin: 'inventory',
      })
    }
  })

  it('a plaintext caller gets its declared workload, and no identity', () => {
    const plain = { ...INBOUND, downstreamPeerUriSan: '', downstreamTlsVersion: '', requestedServerName: '' }
    expect(annotated(plain)).toMatchObject({
      tlsState: 'plaintext',
      sourceIdentity: '',
      sourceIdentityOrigin: 'none',
      sourceAddressIdentity: 'cluster.local/ns/shop/sa/web',
      sourceWorkload: 'web',
    })
  })

  it("an identity that is not its address's stays beside the declared one", () => {
    const stolen = annotated({ ...INBOUND, downstreamRemoteAddress: '10.0.0.31:5' })
    expect(stolen.sourceIdentity).toBe('cluster.local/ns/shop/sa/web')
    expect(stolen.sourceAddressIdentity).toBe('cluster.local/ns/shop/sa/job')
  })

  it('without a declared world nothing is renamed', () => {
    const policy = undeclaredWorld()
    const call = readCall(INBOUND)
    const before = { ...call }
    annotateBy(
      createAnnotator(() => policy),
      call,
    )
    expect({ ...call, decision: 'unknown', decisionReason: '' }).toEqual(before)
  })

  it('a new snapshot is in force at once', () => {
    let policy = undeclaredWorld()
    const annotator = createAnnotator(() => policy)
    const call = () => readCall({ ...OUTBOUND, upstreamCluster: '', authority: 'cart' })
    const before = call()
    annotateBy(annotator, before)
    policy = declaredWorld()
    const after = call()
    annotateBy(annotator, after)
    expect([before.destinationService, after.destinationService]).toEqual(['cart', 'cart.shop'])
  })
})

describe('the decision', () => {
  const decided = (fields: Fields) => {
    const policy = declaredWorld()
    const call = readCall(fields)
    annotateBy(
      createAnnotator(() => policy),
      call,
    )
    return { call, queries: policy.queries }
  }

  it('is asked for with what the record proves', () => {
    const { call, queries } = decided({ ...INBOUND, path: '/items/42?x=1' })
    expect(call).toMatchObject({ decision: 'allowed', decisionReason: expect.stringMatching(/^shop\/allow-web/) })
    expect(queries).toEqual([
      {
        sourceIdentity: 'cluster.local/ns/shop/sa/web',
        sourceKnown: true,
        sourceAddress: '10.0.0.11',
        destinationNamespace: 'shop',
        destinationAddress: '10.0.0.21',
        destinationService: 'cart.shop',
        destinationPort: 8080,
        http: true,
        method: 'GET',
        path: '/items/42',
        host: 'cart.shop:8080',
        sni: 'outbound_.8080_._.cart.shop.svc.cluster.local',
      },
    ])
  })

  it('is the same for both reporters', () => {
    expect([INBOUND, OUTBOUND].map((fields) => decided(fields).call.decision)).toEqual(['allowed', 'allowed'])
    const job = 'spiffe://cluster.local/ns/shop/sa/job'
    expect(decided({ ...INBOUND, downstreamPeerUriSan: job }).call.decision).toBe('denied')
    expect(decided({ ...OUTBOUND, upstreamLocalUriSan: job }).call.decision).toBe('denied')
  })

  it('holds a plaintext caller for nobody', () => {
    const plain = { ...INBOUND, downstreamTlsVersion: '', requestedServerName: '', downstreamPeerUriSan: '' }
    const { call, queries } = decided(plain)
    expect(queries[0]).toMatchObject({ sourceIdentity: '', sourceKnown: true })
    expect(call.decision).toBe('denied')
  })

  it('holds a caller whom the record does not name for unknown, not for nobody', () => {
    const { call, queries } = decided({
      ...INBOUND,
      downstreamPeerUriSan: '',
      downstreamTlsVersion: '',
      accessLogType: '',
    })
    expect(queries[0]).toMatchObject({ sourceIdentity: '', sourceKnown: false })
    expect(call.decision).toBe('unknown')
  })

  it.each([
    ['a connection', { ...INBOUND, method: '', responseCode: '0', accessLogType: 'NotSet' }],
    [
      'a failed handshake',
      { ...INBOUND, responseCode: '0', method: '', downstreamTransportFailureReason: 'TLS_error:|x' },
    ],
  ])('of %s is unknown', (_, fields) => {
    const { call, queries } = decided(fields)
    expect(queries).toEqual([])
    expect(call.decision).toBe('unknown')
    expect(call.decisionReason).toMatch(/^unknown: /)
  })
})
