/** Webhooks over HTTPS: whose certificate is believed, and for which name. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Address } from '../../../alerts/address-guard.ts'
import type { Endpoint } from '../../../alerts/notify/endpoint.ts'
import { post } from '../../../alerts/notify/post.ts'
import { WebhookConfig } from '../../../alerts/notify/webhook-config.ts'
import { type Certificate, type CertificateAuthority, createAuthority } from '../../envoy/ca.ts'
import { SECRET } from '../findings.ts'

const HOST = 'hooks.example'
const MESSAGE = { id: 'm1', body: Buffer.from('{"a":1}'), seconds: 1_800_000_000 }
const forever = new AbortController().signal
/** Every name is this machine. */
const here = async (): Promise<Address[]> => [{ address: '127.0.0.1', family: 4 }]

const folder = mkdtempSync(join(tmpdir(), 'eastwatch-https-'))
let inside: CertificateAuthority
let outside: CertificateAuthority

beforeAll(() => {
  inside = createAuthority(folder, 'inside')
  outside = createAuthority(folder, 'outside')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

interface Hook {
  port: number
  taken: { name: string; host: string }[]
}

async function hook({ certFile, keyFile }: Certificate): Promise<Hook> {
  const taken: Hook['taken'] = []
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  const server = createServer(tls, (request, response) => {
    taken.push({ name: String((request.socket as TLSSocket).servername), host: request.headers.host ?? '' })
    request.resume().on('end', () => response.writeHead(204).end())
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, taken }
}

/** A certificate for these names: `DNS:hooks.example`. */
function certificate(authority: CertificateAuthority, names: string, life?: 'valid' | 'expired'): Certificate {
  // Further names follow the identity in the same extension.
  return authority.issue(names.replace(/\W/g, '-'), `spiffe://test/hook,${names}`, life)
}

const ca = () => readFileSync(inside.caFile, 'utf8')

function endpoint(port: number, changes: Partial<Endpoint> = {}): Endpoint {
  const url = `https://${HOST}:${port}/incidents`
  return { url, secret: SECRET, allowRanges: ['127.0.0.0/8'], timeoutMs: 2_000, ...changes }
}

const sent = (to: Endpoint) => post(to, MESSAGE, forever, here)

describe('a webhook over HTTPS', () => {
  it('is sent where a certificate for its host name is of the authority it names; the address stays the checked one', async () => {
    const { port, taken } = await hook(certificate(inside, `DNS:${HOST}`))
    expect(await sent(endpoint(port, { ca: ca() }))).toMatchObject({ status: 204 })
    expect(await sent(endpoint(port, { ca: ca() }))).toMatchObject({ status: 204 })
    expect(taken).toEqual([
      { name: HOST, host: `${HOST}:${port}` },
      { name: HOST, host: `${HOST}:${port}` },
    ])
  })

  it('is not sent to a private authority that is not named, and the reason says which key names it', async () => {
    const { port, taken } = await hook(certificate(inside, `DNS:${HOST}`))
    await expect(sent(endpoint(port))).rejects.toMatchObject({
      code: 'delivery_failed',
      retriable: true,
      message: expect.stringMatching(/^the receiver's certificate is not trusted \(.+\); the key ca of this receiver/),
    })
    expect(taken).toEqual([])
  })

  it.each([
    ['of another authority', () => certificate(outside, `DNS:${HOST}`), /not trusted/],
    ['that has expired', () => certificate(inside, `DNS:${HOST}`, 'expired'), /expired/],
    ['of another host', () => certificate(inside, 'DNS:other.example'), /does not match certificate's altnames/],
    // The pinned address is where the connection goes, never the name the certificate is checked for.
    ['of the pinned address only', () => certificate(inside, 'IP:127.0.0.1'), /does not match certificate's altnames/],
    ['of no host at all', () => inside.issue('bare', 'spiffe://test/bare'), /does not match certificate's altnames/],
  ])('refuses a certificate %s: nothing is sent', async (_, made, reason) => {
    const { port, taken } = await hook(made())
    await expect(sent(endpoint(port, { ca: ca() }))).rejects.toMatchObject({
      code: 'delivery_failed',
      message: expect.stringMatching(reason),
    })
    expect(taken).toEqual([])
  })

  it('to an address is checked for that address', async () => {
    const right = await hook(certificate(inside, 'IP:127.0.0.1'))
    const url = (port: number) => `https://127.0.0.1:${port}/incidents`
    expect(await sent(endpoint(right.port, { ca: ca(), url: url(right.port) }))).toMatchObject({ status: 204 })
    const wrong = await hook(certificate(inside, 'IP:127.0.0.9'))
    await expect(sent(endpoint(wrong.port, { ca: ca(), url: url(wrong.port) }))).rejects.toThrow(/does not match/)
    expect(wrong.taken).toEqual([])
  })

  it('an environment that turns checks off changes nothing', async () => {
    const { port, taken } = await hook(certificate(outside, `DNS:${HOST}`))
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      await expect(sent(endpoint(port, { ca: ca() }))).rejects.toThrow(/not trusted/)
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    }
    expect(taken).toEqual([])
  })

  it('a receiver that speaks plain HTTP there is not spoken to in plain text', async () => {
    const { createServer: createPlain } = await import('node:http')
    let asked = 0
    const plain = createPlain((_, response) => {
      asked += 1
      response.end()
    }).listen(0, '127.0.0.1')
    await once(plain, 'listening')
    try {
      const { port } = plain.address() as AddressInfo
      await expect(sent(endpoint(port, { ca: ca() }))).rejects.toMatchObject({ retriable: true })
      expect(asked).toBe(0)
    } finally {
      plain.close()
    }
  })
})

describe('the key ca of a receiver', () => {
  const config = (text: string) =>
    WebhookConfig.safeParse({ name: 'x', type: 'webhook', url: `https://${HOST}/`, secret: SECRET, ca: text })

  it('takes one certificate or several', () => {
    expect(config(ca()).success).toBe(true)
    expect(config(`${ca()}\n${readFileSync(outside.caFile, 'utf8')}`).success).toBe(true)
  })

  it.each([
    ['', 'nothing'],
    ['/etc/ssl/ca.pem', 'a path'],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'bytes that are no certificate'],
  ])('refuses %j: %s', (text) => {
    const { error } = config(text)
    expect(error?.issues[0]).toMatchObject({
      path: ['ca'],
      message: 'holds no certificate in PEM; write the text itself, or file:<path>',
    })
  })
})
