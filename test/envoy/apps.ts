/** The applications behind the sidecars: real HTTP, gRPC and TCP servers, and the device in the way that adds a delay. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { Server as GrpcServer, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'

export const SLOW_CALL_MS = 20_000
/** What the device adds on each chunk and each way. */
export const ADDED_DELAY_MS = 5

export interface App {
  port: number
  close(): void
}

async function listening(server: Server, host = '127.0.0.1', port = 0): Promise<App> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** `upstream`: where this pod's application reaches the next service, through its own sidecar. */
export function startHttpApp(
  upstream?: { host: string; port: number },
  at?: { host: string; port: number },
): Promise<App> {
  const failures = new Map<string, number>()
  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    const path = req.url ?? '/'
    if (path.startsWith('/slow')) {
      setTimeout(() => res.end('ok'), SLOW_CALL_MS)
    } else if (path.startsWith('/flaky')) {
      const key = String(req.headers['x-request-id'])
      const failed = failures.get(key) ?? 0
      failures.set(key, failed + 1)
      res.writeHead(failed < 2 ? 503 : 200).end('flaky')
    } else if (path.startsWith('/chain') && upstream !== undefined) {
      const headers = {
        'x-request-id': String(req.headers['x-request-id']),
        host: 'pay.shop:8080',
        connection: 'close',
      }
      request({ ...upstream, path: '/charge', localAddress: upstream.host, headers }, (next) => {
        next.resume().on('end', () => res.writeHead(next.statusCode ?? 502).end('chained'))
      })
        .on('error', () => res.writeHead(502).end())
        .end()
    } else {
      res.writeHead(path.startsWith('/forbidden') ? 403 : 200).end('answered by the application')
    }
  }
  return listening(createServer(answer), at?.host, at?.port)
}

export async function startGrpcApp(): Promise<App> {
  const server = new GrpcServer()
  const asIs = (bytes: Buffer): Buffer => bytes
  const handler = (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void =>
    reply(null, call.request)
  server.register('/shop.Cart/Get', handler, asIs, asIs, 'unary')
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return { port, close: () => server.forceShutdown() }
}

/** Answers each line and ends. */
export function startTcpApp(): Promise<App> {
  return listening(
    createTcpServer((socket) => void socket.on('error', () => {}).once('data', () => socket.end('pong\n'))),
  )
}

/** A device between two sidecars: it cannot read the TLS it carries, but carrying takes time. */
export function startForwarder(to: { host: string; port: number; from: string }): Promise<App> {
  return listening(
    createTcpServer((near) => {
      const far = connect({ host: to.host, port: to.port, localAddress: to.from })
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.setNoDelay(true)
        one.on('data', (chunk) => setTimeout(() => other.destroyed || other.write(chunk), ADDED_DELAY_MS))
        one.on('end', () => setTimeout(() => other.end(), ADDED_DELAY_MS))
        one.on('error', () => other.destroy())
      }
    }),
  )
}
