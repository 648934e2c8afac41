/** Findings, ticks and receivers for the tests of this folder. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { expect } from 'vitest'
import { encodeTick } from '../../core/tick.ts'
import type { Finding } from '../../detectors/detector.ts'

export const T0 = 1_800_000_000_000_000
export const SECOND = 1_000_000
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
export const quietLogger = pino({ level: 'silent' })

/** A finding whose window ends `end` seconds after T0. */
export function finding(end: number, changes: Partial<Finding> = {}): Finding {
  const fingerprint = changes.fingerprint ?? 'f1'
  return {
    id: `${fingerprint}-${end}`,
    detector: 'denial_spike',
    kind: 'rate',
    severity: 'high',
    key: {
      sourceIdentity: 'cluster.local/ns/shop/sa/cart',
      sourceWorkload: 'cart',
      sourceNamespace: 'shop',
      sourceAddress: '',
      destinationIdentity: '',
      destinationService: 'payment.shop',
      operation: '',
    },
    fingerprint,
    cause: `denial_spike|policy|shop/deny-cart${fingerprint === 'f1' ? '' : `-${fingerprint}`}`,
    windowStart: T0 + (end - 10) * SECOND,
    windowEnd: T0 + end * SECOND,
    quietUs: 60 * SECOND,
    summary: 'cart is denied at payment: 40 of 50 calls in 10 s, expected fewer than 1',
    evidence: {
      observed: 40,
      expected: 0.2,
      unit: 'denials',
      p: 1e-20,
      detectable: 5,
      baselineSamples: 12_000,
      baselineSince: T0 - 86_400 * SECOND,
      dispersion: 0.002,
      firstSeen: T0 + (end - 9) * SECOND,
      lastSeen: T0 + end * SECOND,
      verdict: 'shop/deny-cart rule 0',
      blind: '',
      examples: [
        {
          at: T0 + end * SECOND,
          requestId: 'req-1',
          traceId: '0af7651916cd43dd8448eb211c80319c',
          sourceAddress: '10.0.0.7',
          method: 'POST',
          path: '/pay',
          status: 403,
          detail: 'rbac_access_denied',
        },
      ],
      facts: { policy: 'shop/deny-cart' },
      sql: "SELECT * FROM eastwatch.calls WHERE outcome = 'denied'",
    },
    technique: 'T1110',
    ...changes,
  }
}

/** A tick of one producer, `time` seconds after T0. */
export function tick(time: number, producer: string): Uint8Array {
  return encodeTick({ producer, seq: time, time: T0 + time * SECOND, leave: false })
}

export interface Received {
  path: string
  headers: IncomingHttpHeaders
  body: string
  json: {
    id: string
    type: string
    reason: string
    status: string
    incident: { id: string; version: number; cause: string }
  }
  at: number
}

export interface TestReceiver {
  url: string
  port: number
  received: Received[]
  /** How the next requests are answered; undefined: 204. */
  answer: ((response: ServerResponse, received: Received) => void) | undefined
  /** Resolves when `enough` holds of what was received. */
  until(enough: (received: Received[]) => boolean): Promise<void>
  close(): Promise<void>
}

export async function startReceiver(port = 0): Promise<TestReceiver> {
  const waiting = new Set<() => void>()
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const { headers, url: path = '' } = request
      const received = { path, headers, body, json: JSON.parse(body), at: Date.now() }
      receiver.received.push(received)
      if (receiver.answer === undefined) response.writeHead(204).end()
      else receiver.answer(response, received)
      for (const check of waiting) check()
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const bound = (server.address() as AddressInfo).port
  const receiver: TestReceiver = {
    url: `http://127.0.0.1:${bound}/hook`,
    port: bound,
    received: [],
    answer: undefined,
    until: (enough) =>
      new Promise((resolve) => {
        const check = () => {
          if (!enough(receiver.received)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return receiver
}

/** As expect.poll, with time enough for a busy machine. */
export const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000 })
