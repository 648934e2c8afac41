import kafkajs from 'kafkajs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Trial } from '../../../core/bus/kafka/trial.ts'
import { PipelineError } from '../../../core/errors.ts'

const { KafkaJSError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError, KafkaJSGroupCoordinatorNotFound } =
  kafkajs as unknown as Record<string, new (...args: unknown[]) => Error>

const answer = (type: string) =>
  new KafkaJSProtocolError!({ message: `it says ${type}`, type, code: 1, retriable: false })
const REFUSED = answer('TOPIC_AUTHORIZATION_FAILED')

describe('errors of Kafka', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it.each([
    ['TOPIC_AUTHORIZATION_FAILED', /lacks a right; deploy\/kafka\/acls\.sh/],
    ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', /lacks a right/],
    ['INVALID_REPLICATION_FACTOR', /fewer brokers than bus\.kafka\.replicationFactor/],
    ['INVALID_SESSION_TIMEOUT', /bus\.kafka\.sessionTimeoutMs/],
    ['MESSAGE_TOO_LARGE', /max\.message\.bytes is too small/],
    ['UNSUPPORTED_COMPRESSION_TYPE', /compression\.type to producer/],
  ])('%s is for the operator to mend, and said to be so, also where kafkajs gave up over it', (type, message) => {
    for (const error of [
      answer(type),
      new KafkaJSNumberOfRetriesExceeded!(answer(type), { retryCount: 5, retryTime: 1 }),
    ]) {
      expect(new Trial().fromKafka(error)).toMatchObject({
        code: 'config',
        retriable: false,
        message: expect.stringMatching(message),
      })
    }
  })

  it.each(['REQUEST_TIMED_OUT', 'NOT_LEADER_FOR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'])('%s passes', (type) => {
    expect(new Trial().fromKafka(answer(type))).toMatchObject({ code: 'bus_unavailable', retriable: true })
  })

  it('are tried again once it has worked, whatever they are', () => {
    const trial = new Trial()
    trial.pass()
    expect(trial.fromKafka(REFUSED)).toMatchObject({ code: 'config', retriable: true })
    // Told in the words of the bus before.
    expect(trial.fromKafka(new Trial().fromKafka(REFUSED))).toMatchObject({ code: 'config', retriable: true })
  })

  it('that are not of Kafka stay as they are', () => {
    const trial = new Trial()
    trial.pass()
    for (const error of [new Error('x'), new PipelineError('config', 'of the store'), undefined]) {
      expect(trial.fromKafka(error)).toBe(error)
    }
  })

  it('that nobody coordinates pass for twenty seconds without a break; then a right is missing', () => {
    const trial = new Trial()
    const lost = new KafkaJSGroupCoordinatorNotFound!('Failed to find group coordinator')
    const code = (error: unknown) => (trial.fromKafka(error) as PipelineError).code
    expect(code(lost)).toBe('bus_unavailable')
    vi.advanceTimersByTime(20_000)
    expect(code(lost)).toBe('bus_unavailable')
    expect(code(new KafkaJSError!('Closed connection'))).toBe('bus_unavailable')
    vi.advanceTimersByTime(1)
    expect(code(lost)).toBe('bus_unavailable')
    vi.advanceTimersByTime(20_001)
    expect(code(lost)).toBe('config')
  })
})
