import { describe, expect, it } from 'vitest'
import { envoySource } from '../../../collector/sources/envoy.ts'
import { CONTEXT, INBOUND, logRecord, NOW, OUTBOUND, read, readCall } from './records.ts'

describe('reporter and kind', () => {
  it('the cluster says at which end the proxy stands', () => {
    expect(readCall(INBOUND).reporter).toBe('destination')
    expect(readCall(OUTBOUND).reporter).toBe('source')
    expect(readCall({ ...INBOUND, upstreamCluster: 'inbound-vip|80|http|cart.shop.svc.cluster.local' }).reporter).toBe(
      'waypoint',
    )
    expect(readCall({ ...INBOUND, upstreamCluster: 'local_app' }).reporter).toBe('destination')
  })

  it('without a cluster the identities say it', () => {
    expect(readCall({ ...INBOUND, upstreamCluster: '' }).reporter).toBe('destination')
    expect(readCall({ ...OUTBOUND, upstreamCluster: '' }).reporter).toBe('source')
  })

  it('without either, the address of the application says it', () => {
    const plain = { method: 'GET', responseCode: '200', downstreamLocalAddress: '10.0.0.21:80', authority: 'cart.shop' }
    expect(readCall({ ...plain, downstreamRemoteAddress: '10.0.0.11:5', upstreamHost: '127.0.0.1:80' }).reporter).toBe(
      'destination',
    )
    expect(readCall({ ...plain, downstreamRemoteAddress: '10.0.0.11:5', k8sPodIp: '10.0.0.11' }).reporter).toBe(
      'source',
    )
  })

  it("a listener's record is a connection and a tcp_proxy's is a call", () => {
    const tcp = { ...INBOUND, method: '', path: '', responseCode: '0', protocol: '', durationUs: '' }
    expect(readCall({ ...tcp, accessLogType: 'NotSet' })).toMatchObject({ kind: 'connection', protocol: '' })
    expect(readCall({ ...tcp, accessLogType: 'TcpConnectionEnd' })).toMatchObject({ kind: 'request', protocol: 'tcp' })
    expect(readCall({ ...tcp, accessLogType: '' })).toMatchObject({ kind: 'request', protocol: 'tcp' })
    expect(readCall({ ...tcp, accessLogType: '', upstreamHost: '', upstreamCluster: '' }).kind).toBe('connection')
  })

  it.each(['DownstreamStart', 'DownstreamPeriodic', 'TcpPeriodic', 'UpstreamEnd'])(
    '%s is only interim',
    (accessLogType) => {
      expect(read({ ...INBOUND, accessLogType })).toMatchObject({ reason: 'interim_record' })
    },
  )

  it('a record of another program is no access log', () => {
    expect(read({ serviceName: 'cart' })).toMatchObject({ reason: 'not_an_access_log' })
  })
})

describe('names', () => {
  it('both ends name the destination alike', () => {
    for (const fields of [INBOUND, OUTBOUND]) {
      expect(readCall(fields)).toMatchObject({
        destinationService: 'cart.shop',
        destinationServiceOrigin: 'record',
        destinationNamespace: 'shop',
        destinationIdentity: 'cluster.local/ns/shop/sa/cart',
        destinationAddress: '10.0.0.21',
        destinationPort: 8080,
        sourceIdentity: 'cluster.local/ns/shop/sa/web',
        sourceAddress: '10.0.0.11',
        sourcePort: 35964,
        sourceNamespace: 'shop',
      })
    }
  })

  it('the callee believes no SNI of another namespace and its own name before the authority', () => {
    const forged = { ...INBOUND, requestedServerName: 'outbound_.8080_._.vault.bank.svc.cluster.local' }
    expect(readCall({ ...forged, authority: 'evil.bank:80' }).destinationService).toBe('cart.shop')
  })

  it('a workload that is not told as a service is one where the caller names none of its namespace', () => {
    const istio = { ...INBOUND, requestedServerName: '', serviceName: '', k8sDeployment: 'cart-v2' }
    expect(readCall(istio).destinationService).toBe('cart.shop')
    expect(readCall({ ...istio, authority: 'evil.bank' }).destinationService).toBe('cart-v2.shop')
  })

  it('without resource and SNI the authority names the destination', () => {
    const bare = { ...INBOUND, requestedServerName: '', serviceName: '', k8sNamespace: '' }
    expect(readCall({ ...bare, authority: 'Cart.shop.svc.k8s.example.:8080' }).destinationService).toBe('cart.shop')
    expect(readCall({ ...bare, authority: 'cart' }).destinationService).toBe('cart')
  })

  it('without any name the address stands for it, with no origin', () => {
    const bare = { ...OUTBOUND, upstreamCluster: '', authority: '10.0.0.21:8080' }
    expect(readCall(bare)).toMatchObject({ destinationService: '10.0.0.21:8080', destinationServiceOrigin: 'none' })
  })

  it('with neither name nor address it is rejected', () => {
    expect(read({ method: 'GET', responseCode: '200' })).toMatchObject({ reason: 'no_destination' })
  })

  it('passthrough and black hole are named as such', () => {
    for (const upstreamCluster of ['PassthroughCluster', 'BlackHoleCluster']) {
      expect(readCall({ ...OUTBOUND, upstreamCluster })).toMatchObject({
        reporter: 'source',
        destinationService: upstreamCluster,
      })
    }
  })

  it('an outbound record names its source from its own resource', () => {
    expect(readCall(OUTBOUND)).toMatchObject({
      sourceService: 'web.shop',
      sourceServiceOrigin: 'record',
      reporterPod: 'web-0',
    })
  })

  it('takes the first SPIFFE identity of several SANs', () => {
    const downstreamPeerUriSan = 'https://x.example,spiffe://Cluster.Local/ns/shop/sa/web,spiffe://b/ns/c/sa/d'
    expect(readCall({ ...INBOUND, downstreamPeerUriSan }).sourceIdentity).toBe('cluster.local/ns/shop/sa/web')
  })

  it("where the caller's connection failed, its pod's address stands for the one it speaks from", () => {
    const failed = { ...OUTBOUND, upstreamLocalAddress: '' }
    expect(readCall(failed)).toMatchObject({ sourceAddress: '10.0.0.11', sourcePort: 0 })
  })
})

describe('what was asked and answered', () => {
  it('gRPC is told by its status, or by its path', () => {
    const grpc = { ...INBOUND, method: 'POST', path: '/shop.Cart/Get', protocol: 'HTTP/2' }
    expect(readCall({ ...grpc, grpcStatus: '0' })).toMatchObject({
      protocol: 'grpc',
      grpcStatus: 0,
      route: '/shop.Cart/Get',
    })
    expect(readCall(grpc)).toMatchObject({ protocol: 'grpc', grpcStatus: -1 })
    expect(readCall({ ...grpc, path: '/v1.0/items' }).protocol).toBe('http')
  })

  it('durations are microseconds where the proxy knows them, else milliseconds', () => {
    expect(readCall(INBOUND)).toMatchObject({ durationUs: 3501, durationStepUs: 1, start: NOW, end: NOW + 3501 })
    expect(readCall({ ...INBOUND, durationUs: '' })).toMatchObject({
      durationUs: 3000,
      durationStepUs: 1000,
      end: NOW + 3000,
    })
  })

  it('a record without time ends when it arrives', () => {
    for (const timeUs of [0, -5, Number.NaN]) {
      const call = readCall(INBOUND, { timeUs })
      expect([call.start, call.end]).toEqual([CONTEXT.received - 3501, CONTEXT.received])
    }
  })

  it('the start written into a body counts where the record has no time', () => {
    expect(readCall({ ...INBOUND, startTime: '2026-01-01T00:00:00.500Z' }, { timeUs: 0 }).start).toBe(NOW + 500_000)
  })

  it('credentials in an authority are not kept', () => {
    expect(readCall({ ...INBOUND, authority: 'ann:secret@cart.shop' }).authority).toBe('cart.shop')
  })

  it('an old record keeps its time', () => {
    expect(readCall(INBOUND, { timeUs: 5_000_000 }).start).toBe(5_000_000)
  })

  it("the trace id is the record's, else the field's, else traceparent's", () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    expect(readCall({ ...INBOUND, traceparent }).traceId).toBe('0af7651916cd43dd8448eb211c80319c')
    expect(readCall({ ...INBOUND, traceparent, traceId: 'AB'.repeat(8) }).traceId).toBe(
      `${'0'.repeat(16)}${'ab'.repeat(8)}`,
    )
    expect(readCall({ ...INBOUND, traceparent }, { traceId: 'c'.repeat(32) }).traceId).toBe('c'.repeat(32))
  })

  it('absurd numbers and endless texts are bounded', () => {
    const call = readCall({
      ...INBOUND,
      bytesSent: '9'.repeat(40),
      bytesReceived: '-1',
      attemptCount: '99999999',
      responseCode: '99999',
      durationUs: '1e9',
      requestId: 'x'.repeat(10_000),
      method: 'M'.repeat(10_000),
      path: `/${'p/'.repeat(10_000)}`,
      authority: 'a'.repeat(10_000),
      responseFlags: 'F'.repeat(10_000),
    })
    expect(call).toMatchObject({ bytesSent: 0, bytesReceived: 0, attempts: 65_535, status: 999, durationStepUs: 1000 })
    for (const text of Object.values(call)) if (typeof text === 'string') expect(text.length).toBeLessThanOrEqual(1024)
  })

  it('does not keep or change the record it read', () => {
    const record = logRecord(INBOUND)
    const before = [...record.values]
    envoySource.read(record, CONTEXT)
    expect(record.values).toEqual(before)
  })
})

describe('outcome', () => {
  const outcome = (fields: Record<string, string>) => readCall({ ...INBOUND, ...fields }).outcome

  it('a denial is told by its details, never by its status', () => {
    const responseCodeDetails = 'rbac_access_denied_matched_policy[none]'
    expect(outcome({ responseCode: '403', responseCodeDetails })).toBe('denied')
    expect(outcome({ responseCode: '200', grpcStatus: '7', responseCodeDetails })).toBe('denied')
    expect(outcome({ responseCode: '403' })).toBe('client_error')
    expect(readCall({ ...OUTBOUND, responseCode: '403' }).outcome).toBe('client_error')
  })

  it.each([
    ['200', '', 'ok'],
    ['301', '', 'ok'],
    ['404', '', 'client_error'],
    ['503', '', 'server_error'],
    ['200', '0', 'ok'],
    ['200', '5', 'client_error'],
    ['200', '7', 'client_error'],
    ['200', '14', 'server_error'],
  ])('status %s with gRPC status %s is %s', (responseCode, grpcStatus, expected) => {
    expect(outcome({ responseCode, grpcStatus })).toBe(expected)
  })

  it('a client that hangs up before any answer is a client error', () => {
    expect(
      outcome({ responseCode: '0', responseFlags: 'DC', responseCodeDetails: 'downstream_remote_disconnect' }),
    ).toBe('client_error')
  })

  it('a failed ext_authz is the infrastructure, not a policy', () => {
    expect(outcome({ responseCode: '403', responseFlags: 'UAEX', responseCodeDetails: 'ext_authz_error' })).toBe(
      'server_error',
    )
  })

  it("a connection that failed is the caller's to tell", () => {
    const failed = {
      responseCode: '503',
      responseFlags: 'UF,URX',
      upstreamTransportFailureReason: 'delayed_connect_error:_111',
    }
    expect(readCall({ ...OUTBOUND, ...failed }).outcome).toBe('connect_failure')
    expect(outcome(failed)).toBe('server_error')
  })

  it("a connection's record never repeats the denial of its call", () => {
    const details = { connectionTerminationDetails: 'rbac_access_denied_matched_policy[ns[a]-policy[b]-rule[0]]' }
    const tcp = { ...INBOUND, ...details, method: '', responseCode: '0', responseCodeDetails: '' }
    expect(readCall({ ...tcp, accessLogType: 'NotSet' })).toMatchObject({ outcome: 'ok', denialKind: '' })
    expect(readCall({ ...tcp, accessLogType: 'TcpConnectionEnd' })).toMatchObject({
      outcome: 'denied',
      denialKind: 'network_rbac',
      denialPolicy: 'a/b',
      denialRule: '0',
    })
  })
})

describe('TLS', () => {
  it('is mutual where the peer has a name, server where only a version is known', () => {
    expect(readCall(INBOUND)).toMatchObject({ tlsState: 'mutual', tlsVersion: 'TLSv1.3' })
    expect(readCall({ ...INBOUND, downstreamPeerUriSan: '' }).tlsState).toBe('server')
    expect(readCall({ ...INBOUND, downstreamPeerUriSan: '', downstreamPeerSubject: 'CN=web' }).tlsState).toBe('mutual')
    expect(readCall({ ...OUTBOUND, upstreamLocalUriSan: '' }).tlsState).toBe('server')
  })

  it('is plaintext only where the callee would have told', () => {
    const none = {
      ...INBOUND,
      downstreamTlsVersion: '',
      downstreamPeerUriSan: '',
      downstreamLocalUriSan: '',
      requestedServerName: '',
    }
    expect(readCall(none).tlsState).toBe('plaintext')
    expect(readCall({ ...none, accessLogType: '' }).tlsState).toBe('unknown')
    expect(readCall({ ...OUTBOUND, upstreamTlsVersion: '' }).tlsState).toBe('unknown')
  })

  it('a refused certificate proves nothing, but what it claims is kept as evidence', () => {
    const call = readCall({
      ...INBOUND,
      method: '',
      responseCode: '0',
      accessLogType: 'NotSet',
      downstreamTransportFailureReason:
        'TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_X509_verify_cert:_certificate_verification_error_at_depth_0:_unable_to_get_local_issuer_certificate:TLS_error_end',
      downstreamPeerIssuer: 'O=stranger',
      downstreamPeerSerial: '1A2B',
      downstreamPeerCertEnd: '2026-11-22T13:22:26.000Z',
    })
    expect(call).toMatchObject({
      outcome: 'tls_failure',
      tlsFailure: 'unknown_ca',
      tlsRejectedBy: 'destination',
      tlsState: 'unknown',
      sourceIdentity: '',
      sourceIdentityOrigin: 'none',
      destinationIdentity: 'cluster.local/ns/shop/sa/cart',
      tlsPeerIssuer: 'O=stranger',
      tlsPeerSerial: '1a2b',
      tlsPeerNotAfter: Date.UTC(2026, 10, 22, 13, 22, 26) * 1000,
    })
    expect(call.tlsDetail).toMatch(/the refused certificate says spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web$/)
  })

  it("an alert is the other end's refusal", () => {
    const upstreamTransportFailureReason =
      'TLS_error:|268436504:SSL_routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA:TLS_error_end'
    const refused = {
      responseCode: '503',
      responseFlags: 'UF',
      responseCodeDetails: 'upstream_reset',
      upstreamTransportFailureReason,
    }
    expect(readCall({ ...OUTBOUND, ...refused })).toMatchObject({
      outcome: 'tls_failure',
      tlsFailure: 'unknown_ca',
      tlsRejectedBy: 'destination',
      sourceIdentity: '',
    })
  })

  it('an older proxy tells the failure in the response code details', () => {
    const responseCodeDetails =
      'upstream_reset_before_response_started{connection_failure,TLS_error:_268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED}'
    expect(readCall({ ...OUTBOUND, responseCode: '503', responseFlags: 'URX,UF', responseCodeDetails })).toMatchObject({
      tlsFailure: 'cert_verify_failed_unspecified',
      tlsRejectedBy: 'source',
    })
  })

  it('no filter chain is plaintext, unless the client named a server', () => {
    const unmatched = {
      responseCode: '0',
      responseFlags: 'NR',
      responseCodeDetails: 'filter_chain_not_found',
      downstreamLocalAddress: '10.0.0.21:80',
    }
    expect(readCall({ ...unmatched, accessLogType: 'NotSet' })).toMatchObject({
      kind: 'connection',
      tlsFailure: 'plaintext_to_strict',
      tlsState: 'plaintext',
      tlsRejectedBy: 'destination',
    })
    expect(readCall({ ...unmatched, requestedServerName: 'x.example' }).tlsFailure).toBe('sni_mismatch')
  })
})
