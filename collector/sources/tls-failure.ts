/**
 * Why a TLS handshake failed, from Envoy's failure texts. A plain BoringSSL reason means that this proxy refused its peer; an
 * alert means that the peer refused this proxy. Low-confidence classes (an alert that Envoy sends for several faults) follow the
 * likelier fault; the text itself is kept in `tlsDetail`.
 */
import type { TlsFailure } from '../../core/call.ts'

export interface HandshakeFailure {
  failure: Exclude<TlsFailure, ''>
  /** Which end refused: this proxy or its peer; '' where nobody did. */
  refusedBy: 'self' | 'peer' | ''
}

type Rule = [text: string, failure: HandshakeFailure['failure'], refusedBy: HandshakeFailure['refusedBy']]

/** Details behind CERTIFICATE_VERIFY_FAILED (BoringSSL x509_txt.cc, Envoy's default validator), in order of precedence. */
const VERIFICATION: readonly [text: string, failure: HandshakeFailure['failure']][] = [
  ['certificate has expired', 'expired'],
  ['certificate is not yet valid', 'not_yet_valid'],
  ['unable to get local issuer certificate', 'unknown_ca'],
  ['unable to get issuer certificate', 'unknown_ca'],
  ['self signed certificate', 'unknown_ca'],
  ['self-signed certificate', 'unknown_ca'],
  ['unable to verify the first certificate', 'unknown_ca'],
  ['certificate signature failure', 'unknown_ca'],
  ['san matcher', 'san_mismatch'],
  ['verify san list', 'san_mismatch'],
  ['certificate revoked', 'revoked'],
  ['cert hash and spki', 'pin_mismatch'],
]

const REASONS: readonly Rule[] = [
  ['sslv3 alert certificate expired', 'expired', 'peer'],
  ['tlsv1 alert unknown ca', 'unknown_ca', 'peer'],
  ['sslv3 alert certificate revoked', 'revoked', 'peer'],
  ['tlsv1 alert certificate required', 'missing_client_cert', 'peer'],
  ['tlsv1 certificate required', 'missing_client_cert', 'peer'],
  ['sslv3 alert handshake failure', 'missing_client_cert', 'peer'],
  ['sslv3 alert certificate unknown', 'san_mismatch', 'peer'],
  ['sslv3 alert bad certificate', 'cert_invalid', 'peer'],
  ['tlsv1 alert access denied', 'cert_invalid', 'peer'],
  ['tlsv1 alert decrypt error', 'cert_invalid', 'peer'],
  ['tlsv1 alert protocol version', 'protocol_version', 'peer'],
  ['unsupported protocol', 'protocol_version', 'self'],
  ['tlsv1 alert no application protocol', 'protocol_params', 'peer'],
  ['no shared cipher', 'protocol_params', 'self'],
  ['no common signature algorithms', 'protocol_params', 'self'],
  ['no application protocol', 'protocol_params', 'self'],
  ['tlsv1 alert unrecognized name', 'sni_mismatch', 'peer'],
  ['key usage bit incorrect', 'cert_invalid', 'self'],
  ['secret is not supplied by sds', 'local_cert_unavailable', ''],
  ['transport socket timeout', 'handshake_timeout', ''],
]

/**
 * @param text what the proxy said of the failed handshake
 * @param side which of its connections failed: to the caller (`downstream`) or to the callee (`upstream`)
 */
export function classifyHandshake(text: string, side: 'downstream' | 'upstream'): HandshakeFailure {
  const said = text.replaceAll('_', ' ').toLowerCase()
  if (said.includes('peer did not return a certificate')) return { failure: 'missing_client_cert', refusedBy: 'self' }
  if (said.includes('certificate verify failed')) return { failure: verificationFailure(said), refusedBy: 'self' }
  if (said.includes('wrong version number')) {
    return { failure: side === 'upstream' ? 'plaintext_peer' : 'plaintext_to_tls', refusedBy: 'self' }
  }
  if (said.includes(':http request') || said.includes(':https proxy request')) {
    return { failure: 'plaintext_to_tls', refusedBy: 'self' }
  }
  for (const [reason, failure, refusedBy] of REASONS) {
    if (said.includes(reason)) return { failure, refusedBy }
  }
  return { failure: 'tls_other', refusedBy: said.includes(' alert ') ? 'peer' : 'self' }
}

function verificationFailure(said: string): HandshakeFailure['failure'] {
  for (const [text, failure] of VERIFICATION) if (said.includes(text)) return failure
  const detail = /certificate verify failed:?(.*)$/s.exec(said)?.[1] ?? ''
  return detail.replace('tls error end', '').replace(/[:|}\s]/g, '') === ''
    ? 'cert_verify_failed_unspecified'
    : 'cert_invalid'
}
