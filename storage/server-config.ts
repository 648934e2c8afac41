/** Keys of `storage` that name a ClickHouse server in place of the embedded engine, and what must hold among them. */
import { z } from 'zod'
import { clientTlsProblems, requireCertificates } from '../core/config/pem.ts'
import { namesLoopback } from '../core/local-host.ts'

/** Known to everyone: it guards nothing but the embedded store, on loopback. */
export const DEFAULT_READER_PASSWORD = 'eastwatch'

const StoreTls = z.strictObject({
  ca: z
    .string()
    .superRefine(requireCertificates)
    .optional()
    .describe(
      "Authorities that may have signed the server's certificate, in PEM, in place of the system's. `file:<path>` reads it.",
    ),
  certificate: z
    .string()
    .optional()
    .describe(
      'Certificate shown to a server that asks for one (mutual TLS), in PEM. The password is needed all the same.',
    ),
  key: z.string().optional().describe('Its private key, in PEM without a passphrase. `file:<path>` reads it.'),
})
export type StoreTls = z.output<typeof StoreTls>

export const ServerKeys = {
  url: z
    .string()
    .optional()
    .describe(
      'A ClickHouse server or cluster as the store, as `https://host:8443`; without it the embedded engine runs. See docs/clickhouse.md.',
    ),
  username: z
    .string()
    .min(1)
    .max(256)
    .default('eastwatch_writer')
    .describe('The user that writes to the server of `storage.url` (deploy/clickhouse/users.sql makes it).'),
  password: z.string().default('').describe('Its password. `${NAME}` or `file:<path>` keeps it out of this file.'),
  tls: StoreTls.optional().describe(
    'What TLS to the server of `storage.url` needs beyond the authorities of the system.',
  ),
  cluster: z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/,
      'must be a plain name: letters, digits, dashes and underscores, at most 64',
    )
    .optional()
    .describe(
      "Name of the server's cluster, from its remote_servers: tables are made on all its replicas, and replicated. One shard.",
    ),
}

interface Keys {
  url?: string | undefined
  password: string
  readerPassword: string
  tls?: StoreTls | undefined
  cluster?: string | undefined
}

/** For the schema. Messages hold no value: a URL may have a password in it. */
export function checkServer(keys: Keys, context: z.RefinementCtx): void {
  const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
  if (keys.url === undefined) {
    const set = { password: keys.password !== '', tls: keys.tls !== undefined, cluster: keys.cluster !== undefined }
    for (const [key, isSet] of Object.entries(set)) {
      if (isSet) problem([key], 'belongs to a ClickHouse server: name it in storage.url, or remove this key')
    }
    return
  }
  const url = urlOf(keys.url)
  if (url === undefined) {
    problem(['url'], 'must be http:// or https:// with a host and a port, and nothing else: https://host:8443')
    return
  }
  if (url.username !== '' || url.password !== '') {
    problem(['url'], 'must not hold a user or a password: they go into storage.username and storage.password')
  }
  if (url.protocol === 'http:') {
    const hasSecret = keys.password !== '' || keys.readerPassword !== DEFAULT_READER_PASSWORD
    if (hasSecret && !namesLoopback(url.hostname)) {
      problem(['url'], 'would send a password over the network in the clear: use https')
    }
    if (keys.tls !== undefined) problem(['tls'], 'needs an https storage.url')
  }
  for (const { path, message } of clientTlsProblems(keys.tls ?? {})) problem(['tls', ...path], message)
}

function urlOf(text: string): URL | undefined {
  try {
    const url = new URL(text)
    const plain = url.pathname === '/' && url.search === '' && url.hash === ''
    return plain && (url.protocol === 'http:' || url.protocol === 'https:') ? url : undefined
  } catch {
    return undefined
  }
}
