import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'

/** Takes connections and requests, and answers none. */
export class SilentBroker {
  readonly address: string
  /** Connections that it has had, and those that are open. */
  connections = 0
  readonly open: Set<Socket>
  readonly stop: () => Promise<void>

  private constructor(address: string, open: Set<Socket>, stop: () => Promise<void>) {
    this.address = address
    this.open = open
    this.stop = stop
  }

  static async start(): Promise<SilentBroker> {
    const open = new Set<Socket>()
    const server = createServer((socket) => {
      broker.connections += 1
      open.add(socket)
      socket.resume().on('error', () => {})
      socket.once('close', () => open.delete(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const broker = new SilentBroker(`127.0.0.1:${port}`, open, async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    })
    return broker
  }
}
