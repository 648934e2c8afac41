/**
 * The connections of one client of kafkajs, which never gives one up by itself: it asks again on a connection that no broker answers on, waits
 * for such answers before it disconnects, and connects anew where it was told to disconnect while it joined a group.
 */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ISocketFactory } from 'kafkajs'

/** A broker that is gone without a word is missed by a connection that waits for it. */
const PROBE_AFTER_MS = 10_000

export class Sockets {
  readonly #open = new Set<Socket>()
  readonly #make: ISocketFactory
  #isClosed = false

  constructor(make: ISocketFactory = makeSocket) {
    this.#make = make
  }

  readonly factory: ISocketFactory = (options) => {
    if (this.#isClosed) throw new Error('this client has disconnected')
    const socket = this.#make(options)
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    return socket
  }

  /** Every request that waits for its answer fails; the next one connects anew. */
  cut(why: string): void {
    for (const socket of this.#open) socket.destroy(new Error(why))
  }

  /** Cuts them, and from now on there are none. */
  close(): void {
    this.#isClosed = true
    this.cut('this client has disconnected')
  }
}

const makeSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connect({ host, port }, onConnect)
  return socket.setKeepAlive(true, PROBE_AFTER_MS)
}
