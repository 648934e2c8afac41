/** Stands before the store as a proxy does, and is as good or bad as it is told to be. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { buffer as bufferOf } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'

type Manner =
  | { name: 'pass' | 'refuse' | 'hang up' }
  | { name: 'delay'; ms: number }
  | { name: 'swallow'; what: RegExp; swallowed(statement: string): void }

export class StoreFront {
  readonly url: string
  /** Requests that it has not simply passed on. */
  harmed = 0
  readonly stop: () => Promise<void>
  #manner: Manner = { name: 'pass' }

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url
    this.stop = stop
  }

  /** `target`: the store's URL. */
  static async before(target: string): Promise<StoreFront> {
    const server = createServer((incoming, outgoing) => void front.#serve(target, incoming, outgoing))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const front = new StoreFront(url, async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    })
    return front
  }

  /** Says that it is unavailable, hangs up, or does what it was asked and loses the answer, in turn. */
  refuse(): void {
    this.#manner = { name: 'refuse' }
  }

  hangUp(): void {
    this.#manner = { name: 'hang up' }
  }

  delay(ms: number): void {
    this.#manner = { name: 'delay', ms }
  }

  /** Never answers what matches, as it stands in the URL or in the body; resolves with the first such. */
  swallow(what: RegExp): Promise<string> {
    return new Promise((resolve) => {
      this.#manner = { name: 'swallow', what, swallowed: resolve }
    })
  }

  pass(): void {
    this.#manner = { name: 'pass' }
  }

  async #serve(target: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const manner = this.#manner
    if (manner.name === 'pass') return passOn(target, incoming, outgoing)
    if (manner.name === 'swallow') return swallowOrPass(manner, target, incoming, outgoing)
    this.harmed += 1
    if (manner.name === 'delay') {
      await delay(manner.ms)
      return passOn(target, incoming, outgoing)
    }
    const harm = manner.name === 'hang up' ? 0 : this.harmed % 3
    if (harm === 0) incoming.socket.destroy()
    else if (harm === 1) incoming.resume().once('end', () => outgoing.writeHead(503).end('unavailable'))
    else passOn(target, incoming, outgoing, { instead: () => outgoing.destroy() })
  }
}

async function swallowOrPass(
  { what, swallowed }: Manner & { name: 'swallow' },
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const body = await bufferOf(incoming)
  const statement = `${decodeURIComponent(incoming.url!.replaceAll('+', ' '))} ${body}`
  const found = what.exec(statement)
  if (found === null) passOn(target, incoming, outgoing, { body })
  else swallowed(found[0])
}

/** `body`: of the request, where it was read before. `instead`: in place of the answer, once it has come whole. */
function passOn(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { body, instead }: { body?: Buffer; instead?: () => void } = {},
): void {
  const { method, url, headers } = incoming
  const onward = request(`${target}${url}`, { method, headers }, (answer) => {
    if (instead !== undefined) {
      answer.resume().once('end', instead)
      return
    }
    outgoing.writeHead(answer.statusCode!, answer.headers)
    pipeline(answer, outgoing, () => {})
  })
  pipeline(body === undefined ? incoming : [body], onward, () => {})
  onward.on('error', () => outgoing.destroy())
}
