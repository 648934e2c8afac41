import { describe, expect, it } from 'vitest'
import { classifyHandshake } from '../../../collector/sources/tls-failure.ts'

const error = (number: number, reason: string, detail = '') =>
  `TLS_error:|${number}:SSL_routines:OPENSSL_internal:${reason}${detail === '' ? '' : `:${detail}`}:TLS_error_end`
const verify = (detail: string) => error(268435581, 'CERTIFICATE_VERIFY_FAILED', detail)

describe('TLS failures', () => {
  it.each([
    [error(268435648, 'PEER_DID_NOT_RETURN_A_CERTIFICATE'), 'missing_client_cert', 'self'],
    [
      verify(
        'verify_cert_failed:_X509_verify_cert:_certificate_verification_error_at_depth_0:_certificate_has_expired',
      ),
      'expired',
      'self',
    ],
    [verify('x:_certificate_is_not_yet_valid'), 'not_yet_valid', 'self'],
    [verify('x:_unable_to_get_local_issuer_certificate'), 'unknown_ca', 'self'],
    [verify('x:_self_signed_certificate_in_certificate_chain'), 'unknown_ca', 'self'],
    [verify('x:_self-signed_certificate'), 'unknown_ca', 'self'],
    [verify('verify_cert_failed:_SAN_matcher,_certificate_SANs_are_[spiffe://a/b]'), 'san_mismatch', 'self'],
    [verify('verify_SAN_list,_expected_SANs:_[a],_certificate_SANs:_[b]'), 'san_mismatch', 'self'],
    [verify('x:_certificate_revoked'), 'revoked', 'self'],
    [verify('cert_hash_and_spki'), 'pin_mismatch', 'self'],
    [verify('unsupported_certificate_purpose'), 'cert_invalid', 'self'],
    [verify(''), 'cert_verify_failed_unspecified', 'self'],
    [
      'TLS error: 268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED',
      'cert_verify_failed_unspecified',
      'self',
    ],
    [error(268436501, 'SSLV3_ALERT_CERTIFICATE_EXPIRED'), 'expired', 'peer'],
    [error(268436504, 'TLSV1_ALERT_UNKNOWN_CA'), 'unknown_ca', 'peer'],
    [error(268436500, 'SSLV3_ALERT_CERTIFICATE_REVOKED'), 'revoked', 'peer'],
    [error(268436572, 'TLSV1_ALERT_CERTIFICATE_REQUIRED'), 'missing_client_cert', 'peer'],
    [error(268436496, 'SSLV3_ALERT_HANDSHAKE_FAILURE'), 'missing_client_cert', 'peer'],
    [error(268436502, 'SSLV3_ALERT_CERTIFICATE_UNKNOWN'), 'san_mismatch', 'peer'],
    [error(268436498, 'SSLV3_ALERT_BAD_CERTIFICATE'), 'cert_invalid', 'peer'],
    [error(268435612, 'HTTP_REQUEST'), 'plaintext_to_tls', 'self'],
    [error(268435611, 'HTTPS_PROXY_REQUEST'), 'plaintext_to_tls', 'self'],
    [error(268436526, 'TLSV1_ALERT_PROTOCOL_VERSION'), 'protocol_version', 'peer'],
    [error(268435696, 'UNSUPPORTED_PROTOCOL'), 'protocol_version', 'self'],
    [error(268435640, 'NO_SHARED_CIPHER'), 'protocol_params', 'self'],
    [error(268436576, 'TLSV1_ALERT_NO_APPLICATION_PROTOCOL'), 'protocol_params', 'peer'],
    [error(268436568, 'TLSV1_ALERT_UNRECOGNIZED_NAME'), 'sni_mismatch', 'peer'],
    ['TLS_error:_Secret_is_not_supplied_by_SDS', 'local_cert_unavailable', ''],
    ['transport_socket_timeout', 'handshake_timeout', ''],
    [error(268435999, 'SOMETHING_NEW'), 'tls_other', 'self'],
    [error(268436999, 'TLSV1_ALERT_SOMETHING_NEW'), 'tls_other', 'peer'],
  ])('%s', (text, failure, refusedBy) => {
    expect(classifyHandshake(text, 'downstream')).toEqual({ failure, refusedBy })
  })

  it('a wrong version number is the side that does not speak TLS', () => {
    const text = error(268435703, 'WRONG_VERSION_NUMBER')
    expect(classifyHandshake(text, 'upstream').failure).toBe('plaintext_peer')
    expect(classifyHandshake(text, 'downstream').failure).toBe('plaintext_to_tls')
  })
})
