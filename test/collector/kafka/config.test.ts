import { describe, expect, it } from 'vitest'
import { EastwatchConfig } from '../../../cli/config.ts'
import { kafkaSourceInput } from '../../../collector/kafka/config.ts'
import { parseConfig } from '../../../core/config/load.ts'

const parse = (text: string) => parseConfig(text, 'eastwatch.yaml', EastwatchConfig, { env: {}, folder: '/' })
const input = (text: string) => {
  const { bus, collector } = parse(text)
  return collector.kafka && kafkaSourceInput(collector.kafka, bus.kafka)
}

describe('collector.kafka', () => {
  it('is off unless it is set', () => {
    expect(input('bus: { kafka: { brokers: [k:9092] } }')).toBeUndefined()
  })

  it("reads the three standard topics of the bus's Kafka, and believes none of them", () => {
    expect(input('bus: { kafka: { brokers: [k:9092], tls: {}, prefix: mesh. } }\ncollector: { kafka: {} }')).toEqual({
      connection: { brokers: ['k:9092'], tls: {}, sasl: undefined },
      prefix: 'mesh.',
      sessionTimeoutMs: 10_000,
      topics: [
        { topic: 'otlp_logs', signal: 'logs', encoding: 'otlp_proto', trusted: false },
        { topic: 'otlp_spans', signal: 'traces', encoding: 'otlp_proto', trusted: false },
        { topic: 'otlp_metrics', signal: 'metrics', encoding: 'otlp_proto', trusted: false },
      ],
    })
  })

  it('reads another Kafka with its own brokers, and then nothing of how the bus is reached', () => {
    const bus = 'bus: { kafka: { brokers: [k:9092], tls: {}, prefix: mesh. } }'
    const own = input(`${bus}\ncollector: { kafka: { brokers: [other:9092], topics: [{ topic: mine }] } }`)
    expect(own).toMatchObject({
      connection: { brokers: ['other:9092'], tls: undefined },
      prefix: 'mesh.',
      topics: [{ topic: 'mine', signal: 'logs', encoding: 'otlp_proto', trusted: false }],
    })
    expect(input('collector: { kafka: { brokers: [k:9092], prefix: a. } }')).toMatchObject({ prefix: 'a.' })
  })

  it.each([
    [
      'collector: { kafka: {} }',
      'collector.kafka.brokers: name the brokers of the Kafka to read: here, or as bus.kafka',
    ],
    ['collector: { kafka: { tls: {} } }', 'collector.kafka.brokers: must be set where tls or sasl is set here'],
    [
      'collector: { kafka: { brokers: [k:9092], sasl: { username: u, password: p } } }',
      'collector.kafka.sasl: would send a password over the network in the clear: set tls as well',
    ],
    [
      'collector: { kafka: { brokers: [k:9092], topics: [{ topic: a }, { topic: a }] } }',
      'collector.kafka.topics.1.topic: a stands twice in the list',
    ],
    [
      'collector: { kafka: { brokers: [k:9092], topics: [{ topic: "a b" }] } }',
      'collector.kafka.topics.0.topic: may hold',
    ],
    ['collector: { kafka: { brokers: [k:9092], topics: [] } }', 'collector.kafka.topics: '],
  ])('refuses %s', (text, message) => {
    expect(() => parse(text)).toThrow(message)
  })
})
