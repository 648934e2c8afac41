/** Settings of the collector. */
import { z } from 'zod'
import { KafkaSourceConfig } from './kafka/config.ts'

const address = (port: number, what: string) =>
  z.string().default(`127.0.0.1:${port}`).describe(`Where ${what} listens, as host:port. Port 0 takes a free one.`)
/** A positive whole number. */
const count = (value: number) => z.number().int().positive().default(value)

const TokenConfig = z.strictObject({
  name: z.string().min(1).max(64).describe('How this sender is called in Eastwatch.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('SHA-256 of the bearer token, in lower-case hex; the token itself is never stored.'),
  relay: z
    .boolean()
    .default(false)
    .describe(
      'True for a relay you run (an OpenTelemetry Collector): its records are verified, whoever they speak of.',
    ),
})

const TlsConfig = z.strictObject({
  certificate: z.string().describe('Certificate chain in PEM; `file:<path>` reads it from a file.'),
  key: z.string().describe('Private key in PEM; `file:<path>` reads it from a file.'),
  clientCa: z
    .string()
    .optional()
    .describe(
      'Certificates in PEM that senders must be signed by. Set, every sender needs a client certificate (mTLS).',
    ),
})

export const CollectorConfig = z.strictObject({
  grpcAddress: address(4317, 'OTLP/gRPC'),
  httpAddress: address(4318, 'OTLP/HTTP'),
  tls: TlsConfig.optional().describe('TLS on both listeners. Absent, they speak plain text.'),
  tokens: z
    .array(TokenConfig)
    .max(1000)
    .default([])
    .describe('Bearer tokens. With at least one, every request needs a token or a client certificate.'),
  relayIdentities: z
    .array(z.string())
    .max(1000)
    .default([])
    .describe('Client certificates of relays you run: SPIFFE id, or common name. Their records are verified.'),
  maxBodyBytes: count(64 * 1024 * 1024).describe('Largest request body, after decompression.'),
  maxBytesInFlight: count(512 * 1024 * 1024).describe('Bodies held in memory at once, over all senders.'),
  bodyTimeoutMs: count(10_000).describe('How long a sender may take for one body; a slower one is cut off.'),
  quotas: z
    .strictObject({
      recordsPerSecond: count(200_000).describe('Records a second from one sender; more are put off, not lost.'),
      burstSeconds: count(10).describe('How many seconds of that rate may come at once.'),
      bytesInFlight: count(128 * 1024 * 1024).describe('Bodies of one sender held in memory at once.'),
      senders: count(10_000).describe('Senders kept track of at once; the longest idle is forgotten first.'),
    })
    .prefault({}),
  latenessSeconds: z
    .number()
    .int()
    .min(0)
    .max(600)
    .default(10)
    .describe('How long after its end a record may come without being marked late. As `detectors.latenessSeconds`.'),
  tickMs: count(1000).describe('How often the log is told the time.'),
  kafka: KafkaSourceConfig.optional().describe(
    'Reads what OpenTelemetry Collectors write to Kafka, beside the listeners (docs/otlp-kafka.md). `{}` where `bus.kafka` is that Kafka.',
  ),
})
export type CollectorConfig = z.output<typeof CollectorConfig>
