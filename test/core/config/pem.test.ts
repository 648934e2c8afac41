import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { serverTlsProblems } from '../../../core/config/pem.ts'
import { type Certificate, type CertificateAuthority, createAuthority } from '../../envoy/ca.ts'

const folder = mkdtempSync(join(tmpdir(), 'eastwatch-pem-'))
let authority: CertificateAuthority
let own: Certificate
let other: Certificate

beforeAll(() => {
  authority = createAuthority(folder, 'mesh')
  own = authority.issue('own', 'spiffe://d/own')
  other = authority.issue('other', 'spiffe://d/other')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const read = (file: string) => readFileSync(file, 'utf8')

it('a certificate with its key and an authority is fine, a chain too', () => {
  const [certificate, key, clientCa] = [own.certFile, own.keyFile, authority.caFile].map(read) as [
    string,
    string,
    string,
  ]
  expect(serverTlsProblems({ certificate, key })).toEqual([])
  expect(serverTlsProblems({ certificate: certificate + clientCa, key, clientCa })).toEqual([])
})

it('names each text that is not what it should be, and never the key itself', () => {
  const [certificate, key, strange] = [own.certFile, own.keyFile, other.keyFile].map(read) as [string, string, string]
  const keys = (tls: Parameters<typeof serverTlsProblems>[0]) => serverTlsProblems(tls).map((problem) => problem.key)
  expect(keys({ certificate: '/etc/tls.crt', key })).toEqual(['certificate'])
  expect(keys({ certificate, key: '/etc/tls.key' })).toEqual(['key'])
  expect(keys({ certificate: key, key: certificate, clientCa: key })).toEqual(['certificate', 'key', 'clientCa'])
  const [mismatch] = serverTlsProblems({ certificate, key: strange })
  expect(mismatch).toEqual({
    key: 'key',
    message: 'is not the key of the certificate (the first one, where there is a chain)',
  })
})
