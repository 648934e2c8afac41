/** What stands before a ClickHouse server: TLS, and a network on which it is there or not. For tests with the embedded engine as server. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream'

export interface Certificate {
  certificate: string
  key: string
}

/** Signed by itself, for 127.0.0.1 unless another host is named. */
export function selfSigned(host = 'IP:127.0.0.1'): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-tls-'))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=store']
  const args = ['req', '-x509', ...kind, '-addext', `subjectAltName=${host}`, '-keyout', key, '-out', certificate]
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const texts = { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
  rmSync(folder, { recursive: true })
  return texts
}

export interface Front {
  url: string
  stop(): Promise<void>
}

/**
 * Ends TLS and passes each request on, one without a database to the database `default`, as a server does (the embedded engine has
 * another). `clientCa`: asks for a certificate that it signed.
 */
export async function tlsBefore(url: string, { certificate, key }: Certificate, clientCa?: string): Promise<Front> {
  const asking: ServerOptions = clientCa === undefined ? {} : { ca: clientCa, requestCert: true }
  const server = createTlsServer({ cert: certificate, key, ...asking }, (incoming, outgoing) => {
    const { method, url: path } = incoming
    const headers = { 'x-clickhouse-database': 'default', ...incoming.headers }
    const onward = request(`${url}${path}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      pipeline(answer, outgoing, () => {})
    })
    pipeline(incoming, onward, () => {})
    onward.on('error', () => outgoing.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export interface Network extends Front {
  /** From now on the server is there; before, and after `down`, connections are refused. */
  up(): Promise<void>
  down(): Promise<void>
}

/** A port of its own that leads to the server's. */
export async function networkTo(target: string): Promise<Network> {
  const sockets = new Set<Socket>()
  const server = createServer((inner) => {
    const outer = connect(Number(new URL(target).port), '127.0.0.1')
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    pipeline(inner, outer, inner, () => {})
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const down = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  await down()
  return { url: `http://127.0.0.1:${port}`, up: () => listen(port), down, stop: down }
}
