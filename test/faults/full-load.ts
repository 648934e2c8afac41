/** Senders of OTLP over HTTP that never pause unless they are told to: an exporter each, whose queue is always full. */
import { setTimeout as delay } from 'node:timers/promises'
import { RECORDS_PER_BODY, renew, type ShopBody, shopBodies } from '../../bench/shop-bodies.ts'

const SENDERS = 4
const BUSY = new Set([429, 503])

export class FullLoad {
  /** Records. */
  acknowledged = 0
  /** Answers that said "not now". */
  putOff = 0
  readonly #url: string
  readonly #stop = new AbortController()
  readonly #sending: Promise<unknown>

  /** `port`: of the collector's OTLP/HTTP. */
  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/v1/logs`
    this.#sending = Promise.all(shopBodies(SENDERS).map((body) => this.#send(body)))
    this.#sending.catch(() => {
      // Told by `stop`.
    })
  }

  /** Resolves when all that was begun is acknowledged; rejects where an answer was none that a sender can live with. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#sending
  }

  async #send(body: ShopBody): Promise<void> {
    while (!this.#stop.signal.aborted) {
      renew(body, Date.now() * 1000)
      while (!(await this.#isTaken(body.bytes))) this.putOff += 1
      this.acknowledged += RECORDS_PER_BODY
    }
  }

  async #isTaken(bytes: Buffer): Promise<boolean> {
    const headers = { 'content-type': 'application/x-protobuf' }
    const answer = await fetch(this.#url, { method: 'POST', headers, body: new Uint8Array(bytes) })
    await answer.arrayBuffer()
    if (answer.status === 200) return true
    const pauseSeconds = Number(answer.headers.get('retry-after'))
    if (!BUSY.has(answer.status) || !(pauseSeconds >= 1)) {
      throw new Error(`answered ${answer.status}, Retry-After ${answer.headers.get('retry-after')}`)
    }
    await delay(pauseSeconds * 1000)
    return false
  }
}
