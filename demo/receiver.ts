/** The demo's own webhook receiver: what arrives here is what would have reached a pager. */
import { createServer, type Server } from 'node:http'
import { listenOn } from '../core/listen.ts'

const MAX_BODY_BYTES = 1024 * 1024

export interface Receiver {
  url: string
  stop(): Promise<void>
}

export async function startReceiver(onMessage: (body: unknown) => void): Promise<Receiver> {
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = []
    let size = 0
    request.on('data', (part: Buffer) => {
      size += part.length
      if (size > MAX_BODY_BYTES) request.destroy()
      else parts.push(part)
    })
    request.on('end', () => {
      onMessage(JSON.parse(Buffer.concat(parts).toString()))
      response.writeHead(204).end()
    })
  })
  const port = await listenOn(server, '127.0.0.1:0', 'demo receiver')
  return {
    url: `http://127.0.0.1:${port}/incidents`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
