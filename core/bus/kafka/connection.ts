/** The keys that say how Kafka is reached, and what must hold among them. */
import { z } from 'zod'
import { clientTlsProblems, requireCertificates } from '../../config/pem.ts'
import { namesLoopback } from '../../local-host.ts'

const HOST_AND_PORT = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/

const KafkaTls = z.strictObject({
  ca: z
    .string()
    .superRefine(requireCertificates)
    .optional()
    .describe(
      "Authorities that may have signed the brokers' certificates, in PEM, in place of the system's. `file:<path>` reads it.",
    ),
  certificate: z
    .string()
    .optional()
    .describe('Certificate shown to brokers that ask for one (mutual TLS), in PEM. `file:<path>` reads it.'),
  key: z.string().optional().describe('Its private key, in PEM without a passphrase. `file:<path>` reads it.'),
})

const KafkaSasl = z.strictObject({
  mechanism: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .default('scram-sha-512')
    .describe('As the brokers have it in sasl.enabled.mechanisms.'),
  username: z.string().min(1).max(256).describe('The user; deploy/kafka/acls.sh gives it what it needs.'),
  password: z.string().min(1).max(4096).describe('Its password. `${NAME}` or `file:<path>` keeps it out of this file.'),
})

export const ConnectionKeys = {
  brokers: z
    .array(z.string().regex(HOST_AND_PORT, 'must be host:port'))
    .min(1)
    .max(64)
    .describe('Some of the brokers, as host:port; the others are learned from them.'),
  tls: KafkaTls.optional().describe(
    'TLS to the brokers; `{}` where their authority is one of the system. Absent, connections are plain text.',
  ),
  sasl: KafkaSasl.optional().describe('How to log in. Needs `tls`, unless all brokers are on this machine.'),
}

const Connection = z.strictObject(ConnectionKeys)
export type KafkaConnection = z.output<typeof Connection>

/** For the schema. Messages hold no value. */
export function checkConnection({ brokers, tls, sasl }: KafkaConnection, context: z.RefinementCtx): void {
  const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
  if (sasl !== undefined && tls === undefined && !brokers.every(namesLoopback)) {
    problem(['sasl'], 'would send a password over the network in the clear: set tls as well')
  }
  for (const { path, message } of clientTlsProblems(tls ?? {})) problem(['tls', ...path], message)
}
