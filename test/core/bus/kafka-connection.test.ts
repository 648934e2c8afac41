import { describe, expect, it } from 'vitest'
import { reachOf } from '../../../core/bus/kafka/client.ts'
import { KafkaBusConfig } from '../../../core/bus/kafka/config.ts'
import { selfSigned } from '../../storage/server.ts'

const FAR = ['kafka-1:9093', '127.0.0.1:9092']
const sasl = { username: 'collector', password: 'hush' }
const own = selfSigned()

const problems = (keys: object) =>
  (KafkaBusConfig.safeParse({ brokers: FAR, ...keys }).error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  )

describe('the connection to Kafka', () => {
  it('is plain text, TLS with the authorities of the system, or with its own and a certificate', () => {
    expect(problems({})).toEqual([])
    expect(problems({ tls: {} })).toEqual([])
    expect(problems({ tls: { ca: own.certificate, ...own }, sasl })).toEqual([])
  })

  it('sends no password in the clear, unless all brokers are on this machine', () => {
    expect(problems({ sasl })).toEqual(['sasl: would send a password over the network in the clear: set tls as well'])
    expect(problems({ brokers: ['localhost:9092', '[::1]:9092', '127.0.0.1:9093'], sasl })).toEqual([])
  })

  it('says which text is no certificate or key, and does not repeat it', () => {
    const other = selfSigned()
    expect(problems({ tls: { ca: 'hush' } })).toEqual([expect.stringMatching(/^tls\.ca: holds no certificate in PEM/)])
    expect(problems({ tls: { certificate: own.certificate } })).toEqual([
      'tls: needs certificate and key together, or neither',
    ])
    expect(problems({ tls: { certificate: own.certificate, key: other.key } })).toEqual([
      expect.stringMatching(/^tls\.key: is not the key of the certificate/),
    ])
    expect(problems({ tls: { certificate: 'hush', key: 'hush' } }).join()).not.toContain('hush')
  })

  it('takes the mechanisms that kafkajs has, and nothing unknown', () => {
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
      expect(problems({ tls: {}, sasl: { ...sasl, mechanism } })).toEqual([])
    }
    expect(problems({ tls: {}, sasl: { ...sasl, mechanism: 'aws' } })).toHaveLength(1)
    expect(problems({ tls: { rejectUnauthorized: false } })).toHaveLength(1)
  })

  it('leaves the configuration as it was: kafkajs writes into what it is given', () => {
    const connection = KafkaBusConfig.parse({ brokers: FAR, tls: {}, sasl })
    expect(reachOf(connection).sasl).not.toBe(connection.sasl)
    expect(reachOf(connection)).toMatchObject({ brokers: FAR, ssl: {}, sasl })
  })
})
