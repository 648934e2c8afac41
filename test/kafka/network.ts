import { connect, type Socket } from 'node:net'

/** Connections that can be cut all at once, for good: what the broker sees of a process that was killed. */
export class Network {
  readonly #sockets = new Set<Socket>()
  #cut = false

  readonly socketFactory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }) => {
    const socket = connect({ host, port }, onConnect)
    if (this.#cut) socket.destroy(new Error('cut'))
    this.#sockets.add(socket)
    return socket
  }

  /** What has come over all of its connections. */
  get bytesRead(): number {
    let bytes = 0
    for (const socket of this.#sockets) bytes += socket.bytesRead
    return bytes
  }

  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.destroy(new Error('cut'))
  }
}
