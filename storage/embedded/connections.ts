/**
 * At most so many open connections. A new one takes the place of another: of the oldest that has shown no password, else of the
 * reader's oldest. So whoever opens connections and says nothing, or little, keeps neither the pipeline nor people out.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export class Connections {
  /** In order of age, with the weight of who is behind it. */
  readonly #open = new Map<Socket, 0 | 1 | 2>()

  constructor(server: Server, max: number) {
    server.on('connection', (socket: Socket) => {
      this.#open.set(socket, 0)
      socket.once('close', () => this.#open.delete(socket))
      if (this.#open.size > max) this.#close(this.#lightest())
    })
  }

  /** 1: the reader, 2: the writer. */
  weigh(socket: Socket, weight: 1 | 2): void {
    if (this.#open.has(socket)) this.#open.set(socket, weight)
  }

  #lightest(): Socket {
    const least = Math.min(...this.#open.values())
    for (const [socket, weight] of this.#open) if (weight === least) return socket
    throw new Error('there is no connection')
  }

  #close(socket: Socket): void {
    this.#open.delete(socket)
    socket.destroy()
  }
}
