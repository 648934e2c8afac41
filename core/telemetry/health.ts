/** Health of the running program: `/healthz` (the process answers) and `/readyz` (each part does its work). */
import { createServer, type Server } from 'node:http'
import express from 'express'
import { messageOf } from '../errors.ts'
import { listenOn, parseAddress } from '../listen.ts'
import { namesLoopback } from '../local-host.ts'

export interface Check {
  ready: boolean
  /** One plain sentence. */
  detail: string
}

export class Health {
  readonly #checks = new Map<string, () => Check | Promise<Check>>()

  register(part: string, check: () => Check | Promise<Check>): void {
    this.#checks.set(part, check)
  }

  async read(): Promise<{ ready: boolean; parts: Record<string, Check> }> {
    const parts: Record<string, Check> = {}
    for (const [part, check] of this.#checks) {
      try {
        parts[part] = await check()
      } catch (error) {
        parts[part] = { ready: false, detail: messageOf(error) }
      }
    }
    // Before any part has come up, nothing is ready.
    return { ready: this.#checks.size > 0 && Object.values(parts).every((part) => part.ready), parts }
  }
}

export interface HealthServer {
  port: number
  stop(): Promise<void>
}

const ADDRESS_KEY = 'telemetry.address'

export async function serveHealth(
  address: string,
  health: Health,
  metrics: (request: express.Request, response: express.Response) => void,
): Promise<HealthServer> {
  const app = express()
  app.disable('x-powered-by')
  if (namesLoopback(parseAddress(address, ADDRESS_KEY).host)) {
    app.use((request, response, next) => {
      if (namesLoopback(request.headers.host ?? '')) next()
      else response.status(421).type('text').send('this address serves localhost only\n')
    })
  }
  app.get('/metrics', metrics)
  app.get('/healthz', (_, response) => {
    response.json({ status: 'ok' })
  })
  app.get('/readyz', async (_, response) => {
    const state = await health.read()
    response.status(state.ready ? 200 : 503).json(state)
  })
  const server: Server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 16_384 }, app)
  server.maxConnections = 256
  const port = await listenOn(server, address, ADDRESS_KEY)
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
