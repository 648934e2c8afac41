/** Where people reach Eastwatch, and who may. */
import { z } from 'zod'
import { TokenConfig } from '../../alerts/api/config.ts'
import { Url } from '../../alerts/notify/endpoint.ts'
import { serverTlsProblems } from '../../core/config/pem.ts'
import { parseAddress } from '../../core/listen.ts'
import { namesLoopback } from '../../core/local-host.ts'

export const ConsoleConfig = z
  .strictObject({
    address: z
      .string()
      .default('127.0.0.1:4380')
      .describe('Where the page and the API listen, as host:port. Port 0 takes a free one.'),
    url: Url.optional().describe(
      'How people reach it, such as https://eastwatch.example.com. Set, messages link to their incident there.',
    ),
    tls: z
      .strictObject({
        certificate: z.string().describe('Certificate chain in PEM; `file:<path>` reads it from a file.'),
        key: z.string().describe('Private key in PEM; `file:<path>` reads it from a file.'),
      })
      .optional()
      .describe('TLS on the listener. Absent, it speaks plain text.'),
    tokens: z
      .array(TokenConfig)
      .max(1_000)
      .default([])
      .refine((tokens) => new Set(tokens.map(({ name }) => name)).size === tokens.length, {
        message: 'two tokens have the same name',
      })
      .describe(
        'Who may use it. Without any it listens on loopback only, and whoever is on this machine is an operator.',
      ),
  })
  .superRefine(({ address, tls, tokens }, context) => {
    if (tokens.length === 0 && !isLoopbackAddress(address)) {
      const message = 'beyond loopback console.tokens are needed; eastwatch token makes one'
      context.addIssue({ code: 'custom', path: ['address'], message })
    }
    for (const { key, message } of tls === undefined ? [] : serverTlsProblems(tls)) {
      context.addIssue({ code: 'custom', path: ['tls', key], message })
    }
  })
export type ConsoleConfig = z.output<typeof ConsoleConfig>

function isLoopbackAddress(address: string): boolean {
  try {
    return namesLoopback(parseAddress(address, 'console.address').host)
  } catch {
    // Told when it is to be listened on.
    return true
  }
}

/** Where people reach it, without a slash at the end. */
export function consoleUrl({ url, address, tls }: ConsoleConfig, port?: number): string {
  const { host, port: configured } = parseAddress(address, 'console.address')
  const own = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port ?? configured}`
  return (url ?? own).replace(/\/+$/, '')
}
