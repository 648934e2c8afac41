/** Both listeners over TLS, with and without client certificates: who gets in, and as whom. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials, status } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Certificate, type CertificateAuthority, createAuthority } from '../../envoy/ca.ts'
import { logs } from '../requests.ts'
import { grpcClient, type Running, running } from '../running.ts'

const WEB = 'spiffe://cluster.local/ns/shop/sa/web'
const folder = mkdtempSync(join(tmpdir(), 'eastwatch-tls-'))
let mesh: CertificateAuthority
let own: Certificate
/** What a sender may show. */
const shown: Record<'right' | 'expired' | 'stranger', Certificate> = {} as never

beforeAll(() => {
  mesh = createAuthority(folder, 'mesh')
  own = mesh.issue('collector', 'spiffe://cluster.local/ns/ops/sa/eastwatch')
  shown.right = mesh.issue('web', WEB)
  shown.expired = mesh.issue('late', WEB, 'expired')
  shown.stranger = createAuthority(folder, 'else').issue('web', WEB)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

let collector: Running
afterEach(() => collector?.stop())

const pem = (file: string) => readFileSync(file, 'utf8')

function tls(mutual: boolean) {
  const server = { certificate: pem(own.certFile), key: pem(own.keyFile) }
  return mutual ? { ...server, clientCa: pem(mesh.caFile) } : server
}

/** Resolves once a request of one record was taken; rejects as the client library says it. */
type Send = (certificate?: Certificate, options?: { token?: string; trusted?: string }) => Promise<void>

const overGrpc: Send = async (certificate, { token, trusted = mesh.caFile } = {}) => {
  const client = grpcClient(collector.ports.grpc, {
    credentials: credentials.createSsl(
      readFileSync(trusted),
      certificate === undefined ? null : readFileSync(certificate.keyFile),
      certificate === undefined ? null : readFileSync(certificate.certFile),
      // The collector's certificate names a workload, not a host.
      { checkServerIdentity: () => undefined },
    ),
    ...(token === undefined ? {} : { token }),
  })
  try {
    await client.send(logs(1))
  } finally {
    client.close()
  }
}

const overHttp: Send = (certificate, { token, trusted = mesh.caFile } = {}) => {
  const agent = new Agent({
    ca: pem(trusted),
    checkServerIdentity: () => undefined,
    ...(certificate === undefined ? {} : { cert: pem(certificate.certFile), key: pem(certificate.keyFile) }),
  })
  const headers = {
    'content-type': 'application/x-protobuf',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  return new Promise<void>((resolve, reject) => {
    const url = `https://127.0.0.1:${collector.ports.http}/v1/logs`
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      answer.resume()
      if (answer.statusCode === 200) resolve()
      else reject(new Error(`answered ${answer.statusCode}`))
    })
    sent.on('error', reject)
    sent.end(logs(1))
  }).finally(() => agent.destroy())
}

const TOKEN = { name: 'edge', sha256: createHash('sha256').update('known').digest('hex') }

describe.each([
  ['OTLP/gRPC', overGrpc],
  ['OTLP/HTTP', overHttp],
])('%s', (_, send) => {
  it('over mTLS knows a sender by the identity of its certificate, over one connection after the other', async () => {
    collector = await running({ tls: tls(true) })
    await send(shown.right)
    await send(shown.right)
    const web = 'cluster.local/ns/shop/sa/web'
    expect(collector.bus.calls().map(({ sender }) => sender)).toEqual([web, web])
  })

  it.each([
    ['of another authority', () => shown.stranger],
    ['that has expired', () => shown.expired],
    ['of none', () => undefined],
  ])('over mTLS refuses a certificate %s before it reads a request', async (_, certificate) => {
    collector = await running({ tls: tls(true) })
    await expect(send(certificate())).rejects.toThrow()
    expect(collector.bus.calls()).toEqual([])
    // And goes on with others.
    await send(shown.right)
    expect(collector.bus.calls()).toHaveLength(1)
  })

  it('over TLS alone takes a sender without a certificate, and believes no certificate it did not check', async () => {
    collector = await running({ tls: tls(false) })
    await send()
    await send(shown.stranger)
    expect(new Set(collector.bus.calls().map(({ sender }) => sender))).toEqual(new Set(['127.0.0.1']))
  })

  it('over TLS with tokens takes a known token only', async () => {
    collector = await running({ tls: tls(false), tokens: [TOKEN] })
    await expect(send()).rejects.toThrow(/401|UNAUTHENTICATED/)
    await expect(send(undefined, { token: 'wrong' })).rejects.toThrow(/401|UNAUTHENTICATED/)
    await send(undefined, { token: 'known' })
    expect(collector.bus.calls()).toMatchObject([{ sender: 'edge' }])
  })

  it('is not taken for the collector where its certificate is not of the authority that the sender trusts', async () => {
    collector = await running({ tls: tls(true) })
    await expect(send(shown.right, { trusted: join(folder, 'ca-else.pem') })).rejects.toThrow()
    expect(collector.bus.calls()).toEqual([])
  })
})

it('plain text to a TLS listener is refused, and the listener goes on', async () => {
  collector = await running({ tls: tls(true) })
  await expect(fetch(`http://127.0.0.1:${collector.ports.http}/v1/logs`, { method: 'POST' })).rejects.toThrow()
  const plain = grpcClient(collector.ports.grpc)
  await expect(plain.send(logs(1))).rejects.toMatchObject({ code: status.UNAVAILABLE })
  plain.close()
  await overHttp(shown.right)
  await overGrpc(shown.right)
  expect(collector.bus.calls().length).toBeGreaterThan(0)
})
