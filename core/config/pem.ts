/** Checks PEM texts of a configuration when it is read: what is wrong with one is said there, not by the first handshake. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { z } from 'zod'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** The certificates of a PEM text, or undefined where it holds none or one that cannot be read. */
export function certificatesOf(pem: string): X509Certificate[] | undefined {
  try {
    const certificates = (pem.match(CERTIFICATE) ?? []).map((one) => new X509Certificate(one))
    return certificates.length > 0 ? certificates : undefined
  } catch {
    return undefined
  }
}

const NO_CERTIFICATE = 'holds no certificate in PEM; write the text itself, or file:<path>'

/** For a schema: a text of certificates in PEM. */
export function requireCertificates(pem: string, context: z.RefinementCtx): void {
  if (certificatesOf(pem) === undefined) context.addIssue({ code: 'custom', message: NO_CERTIFICATE })
}

export interface ClientTls {
  certificate?: string | undefined
  key?: string | undefined
}

/** What is wrong with what a client shows of itself, by path below its TLS settings; the messages hold nothing of the private key. */
export function clientTlsProblems({ certificate, key }: ClientTls): { path: string[]; message: string }[] {
  if (certificate === undefined && key === undefined) return []
  if (certificate === undefined || key === undefined) {
    return [{ path: [], message: 'needs certificate and key together, or neither' }]
  }
  return serverTlsProblems({ certificate, key }).map(({ key: at, message }) => ({ path: [at], message }))
}

export interface ServerTls {
  certificate: string
  key: string
  clientCa?: string | undefined
}

/** What is wrong with a server's TLS settings, by key; the messages hold nothing of the private key. */
export function serverTlsProblems({ certificate, key, clientCa }: ServerTls): { key: string; message: string }[] {
  const problems: { key: string; message: string }[] = []
  const own = certificatesOf(certificate)?.[0]
  const secret = privateKeyOf(key)
  if (own === undefined) problems.push({ key: 'certificate', message: NO_CERTIFICATE })
  if (secret === undefined) {
    problems.push({ key: 'key', message: 'holds no private key in PEM without a passphrase; write file:<path>' })
  }
  if (own !== undefined && secret !== undefined && !own.checkPrivateKey(secret)) {
    problems.push({ key: 'key', message: 'is not the key of the certificate (the first one, where there is a chain)' })
  }
  if (clientCa !== undefined && certificatesOf(clientCa) === undefined) {
    problems.push({ key: 'clientCa', message: NO_CERTIFICATE })
  }
  return problems
}

function privateKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}
