/** What kafkajs throws, in the words of the bus: what passes is `bus_unavailable`, what only its operator can mend is `config`. */
import kafkajs from 'kafkajs'
import { messageOf, PipelineError } from '../../errors.ts'
import { tlsProblemOf } from '../../tls-error.ts'

// Node finds no names behind this CommonJS module's spread of its errors.
export const {
  KafkaJSError,
  KafkaJSAggregateError,
  KafkaJSConnectionError,
  KafkaJSNotImplemented,
  KafkaJSProtocolError,
  KafkaJSSASLAuthenticationError,
} = kafkajs

export const MISSING_RIGHT = 'the user lacks a right; deploy/kafka/acls.sh has all that are needed'
const CODEC = "records are compressed in a way that is not read: set the topic's compression.type to producer"

/** By the broker's name of the error. https://kafka.apache.org/protocol.html#protocol_error_codes */
const ADVICE: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: MISSING_RIGHT,
  GROUP_AUTHORIZATION_FAILED: MISSING_RIGHT,
  CLUSTER_AUTHORIZATION_FAILED: MISSING_RIGHT,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: MISSING_RIGHT,
  SASL_AUTHENTICATION_FAILED: 'the log-in is refused: sasl.username or sasl.password is wrong',
  ILLEGAL_SASL_STATE: 'no log-in is wanted at this port: remove sasl, or name the port that wants one',
  UNSUPPORTED_SASL_MECHANISM: 'this sasl.mechanism is not enabled there',
  UNSUPPORTED_COMPRESSION_TYPE: CODEC,
  UNSUPPORTED_VERSION: 'the brokers are too old: Kafka 2.1 or later is needed',
  INVALID_REPLICATION_FACTOR: 'there are fewer brokers than bus.kafka.replicationFactor asks copies for',
  INVALID_SESSION_TIMEOUT: 'the brokers allow no such bus.kafka.sessionTimeoutMs (group.min.session.timeout.ms)',
  POLICY_VIOLATION: 'a policy of the brokers forbids to make the topic',
  MESSAGE_TOO_LARGE: "the topic's max.message.bytes is too small for a record; docs/kafka.md says what it must be",
  RECORD_LIST_TOO_LARGE: "the topic's max.message.bytes is too small for a record; docs/kafka.md says what it must be",
}

/** `config` is not retriable here; a `Trial` says where it is. Errors that are not kafkajs's stay as they are. */
export function fromKafka(error: unknown): unknown {
  if (error instanceof KafkaJSAggregateError) return fromKafka(error.errors[0])
  if (!(error instanceof KafkaJSError)) return error
  const root = rootOf(error)
  const why = messageOf(root)
  const advice = adviceOn(root)
  if (advice !== undefined) return new PipelineError('config', `Kafka: ${advice} (${why})`, { cause: error })
  const hint = hintOn(root)
  const said = hint === undefined ? why : `${why}; ${hint}`
  return new PipelineError('bus_unavailable', `Kafka: ${said}`, { retriable: true, cause: error })
}

/**
 * True for a group or a transactional id that nobody answers for: the brokers are not ready yet, or refuse to say. kafkajs drops what
 * they said.
 */
export function isOfCoordinator(error: unknown): boolean {
  return error instanceof Error && rootOf(error) instanceof kafkajs.KafkaJSGroupCoordinatorNotFound
}

/** What kafkajs gave up trying over, or wrapped. */
function rootOf(error: Error): Error {
  return error.cause instanceof KafkaJSError ? rootOf(error.cause) : error
}

function adviceOn(error: Error): string | undefined {
  if (error instanceof KafkaJSSASLAuthenticationError) {
    return /mechanism is not supported/.test(error.message)
      ? ADVICE.UNSUPPORTED_SASL_MECHANISM
      : ADVICE.SASL_AUTHENTICATION_FAILED
  }
  if (error instanceof KafkaJSNotImplemented) return CODEC
  // An answer to a group's question is not always wrapped as an answer.
  if (error instanceof KafkaJSProtocolError || 'type' in error) return ADVICE[String((error as { type: unknown }).type)]
  if (!(error instanceof KafkaJSConnectionError)) return undefined
  switch (tlsProblemOf(String((error as NodeJS.ErrnoException).code), error.message)) {
    case 'untrusted':
      return "the brokers' certificate is not trusted: tls.ca must hold the authority that signed it, for the hosts that the brokers advertise"
    case 'certificate_wanted':
      return "the brokers do not take this program's certificate: set tls.certificate and tls.key to one that they trust"
    case 'not_tls':
      return 'no TLS is spoken at this port: name the port that does, or remove tls'
    default:
      return undefined
  }
}

/** What else may be wrong where the error says too little to know. */
function hintOn(error: Error): string | undefined {
  if (error.name === 'KafkaJSConnectionClosedError' || /before secure TLS connection/.test(error.message)) {
    return 'where it stays so, see that the port is Kafka and that tls and sasl are what it wants'
  }
  return undefined
}
