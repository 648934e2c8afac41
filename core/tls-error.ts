/** What is wrong with a TLS connection that this program opened, by what Node and OpenSSL call it. */

/** As Node names what is wrong with a server's certificate. https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const UNTRUSTED =
  /^(CERT_|ERR_TLS_CERT_|UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)|(DEPTH_ZERO_)?SELF_SIGNED|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH|PATH_LENGTH)/
/** The server refuses this program's certificate, or misses one. */
const CERTIFICATE_WANTED = /^ERR_SSL_.*ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE)/
/** In OpenSSL's words: before the first byte of TLS, Node has no code of its own for it. */
const NOT_TLS = /wrong version number|packet length too long/

export type TlsProblem = 'untrusted' | 'certificate_wanted' | 'not_tls'

/** Undefined where it is something else. */
export function tlsProblemOf(code: string, message: string): TlsProblem | undefined {
  if (UNTRUSTED.test(code)) return 'untrusted'
  if (CERTIFICATE_WANTED.test(code)) return 'certificate_wanted'
  return NOT_TLS.test(message) ? 'not_tls' : undefined
}
