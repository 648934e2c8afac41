/** A certificate authority made for one test run, and SPIFFE workload certificates like those a mesh issues. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificate {
  certFile: string
  keyFile: string
  /** Lower-case hex, as Envoy prints it. */
  serial: string
}

export interface CertificateAuthority {
  caFile: string
  /** `expired`: ended a day ago. */
  issue(name: string, uri: string, life?: 'valid' | 'expired'): Certificate
}

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

export function createAuthority(folder: string, organisation: string): CertificateAuthority {
  const base = join(folder, `ca-${organisation}`)
  const caFile = `${base}.pem`
  const subject = `/O=${organisation}`
  openssl('req', '-x509', ...EC_KEY, '-keyout', `${base}.key`, '-out', caFile, '-days', '2', '-subj', subject)
  let issued = 0
  return {
    caFile,
    issue(name, uri, life = 'valid') {
      issued += 1
      const own = join(folder, `${organisation}-${name}`)
      const serial = (0x1000 + issued).toString(16)
      // As a mesh does it: no subject, the identity alone in a critical URI SAN.
      writeFileSync(`${own}.ext`, `subjectAltName=critical,URI:${uri}\nextendedKeyUsage=serverAuth,clientAuth\n`)
      openssl('req', '-new', ...EC_KEY, '-keyout', `${own}.key`, '-out', `${own}.csr`, '-subj', '/')
      const signer = ['-CA', caFile, '-CAkey', `${base}.key`, '-set_serial', `0x${serial}`]
      const days = life === 'expired' ? '-1' : '1'
      openssl(
        'x509',
        '-req',
        '-in',
        `${own}.csr`,
        ...signer,
        '-days',
        days,
        '-extfile',
        `${own}.ext`,
        '-out',
        `${own}.pem`,
      )
      return { certFile: `${own}.pem`, keyFile: `${own}.key`, serial }
    },
  }
}
