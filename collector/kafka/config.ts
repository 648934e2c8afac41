/** Settings of the input that reads what OpenTelemetry Collectors wrote to Kafka. */
import { z } from 'zod'
import type { KafkaBusConfig } from '../../core/bus/kafka/config.ts'
import { ConnectionKeys, checkConnection, type KafkaConnection } from '../../core/bus/kafka/connection.ts'

const TopicConfig = z.strictObject({
  topic: z
    .string()
    .max(249)
    .regex(/^[A-Za-z0-9._-]+$/, 'may hold letters, digits, dots, dashes and underscores')
    .describe("The topic's name in Kafka. It is read only, and never made."),
  signal: z.enum(['logs', 'traces', 'metrics']).default('logs').describe('What it holds.'),
  encoding: z
    .enum(['otlp_proto', 'otlp_json'])
    .default('otlp_proto')
    .describe("As the exporter's `encoding` says; messages do not tell by themselves."),
  trusted: z
    .boolean()
    .default(false)
    .describe('True only where access lists let nobody but a relay of yours write: its records are then verified.'),
})
export type TopicConfig = z.output<typeof TopicConfig>

const NAMED_HERE_OR_THERE = 'Absent, it is reached as `bus.kafka` says, with its `tls` and `sasl`.'

export const KafkaSourceConfig = z
  .strictObject({
    brokers: ConnectionKeys.brokers
      .optional()
      .describe(`Some of the brokers of the Kafka that is read, as host:port. ${NAMED_HERE_OR_THERE}`),
    tls: ConnectionKeys.tls,
    sasl: ConnectionKeys.sasl,
    prefix: z
      .string()
      .max(64)
      .regex(/^[A-Za-z0-9._-]*$/, 'may hold letters, digits, dots, dashes and underscores')
      .optional()
      .describe(
        'What the names of the consumer groups begin with; by default `bus.kafka.prefix`, or nothing. Two Eastwatches that both read a topic need two.',
      ),
    topics: z
      .array(TopicConfig)
      .min(1)
      .max(64)
      .default([
        { topic: 'otlp_logs', signal: 'logs', encoding: 'otlp_proto', trusted: false },
        { topic: 'otlp_spans', signal: 'traces', encoding: 'otlp_proto', trusted: false },
        { topic: 'otlp_metrics', signal: 'metrics', encoding: 'otlp_proto', trusted: false },
      ])
      .describe('What is read. A topic that is not there yet is waited for.'),
  })
  .superRefine(({ brokers, tls, sasl, topics }, context) => {
    const problem = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (brokers !== undefined) checkConnection({ brokers, tls, sasl }, context)
    else if (tls !== undefined || sasl !== undefined) problem(['brokers'], 'must be set where tls or sasl is set here')
    const names = topics.map(({ topic }) => topic)
    names.forEach((name, i) => {
      if (names.indexOf(name) < i) problem(['topics', i, 'topic'], `${name} stands twice in the list`)
    })
  })
export type KafkaSourceConfig = z.output<typeof KafkaSourceConfig>

/** What the input needs, plain data: a thread can be handed it. */
export interface KafkaSourceInput {
  connection: KafkaConnection
  prefix: string
  sessionTimeoutMs: number
  topics: readonly TopicConfig[]
}

const SESSION_TIMEOUT_MS = 10_000

/** Undefined where nobody says which Kafka is read. */
export function kafkaSourceInput(
  { brokers, tls, sasl, prefix, topics }: KafkaSourceConfig,
  bus: KafkaBusConfig | undefined,
): KafkaSourceInput | undefined {
  const connection = brokers === undefined ? bus : { brokers, tls, sasl }
  if (connection === undefined) return undefined
  return {
    connection: { brokers: connection.brokers, tls: connection.tls, sasl: connection.sasl },
    prefix: prefix ?? bus?.prefix ?? '',
    sessionTimeoutMs: bus?.sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
    topics,
  }
}
