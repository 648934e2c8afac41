/** What kafkajs throws, in the words of the bus. */
import kafkajs from 'kafkajs'
import { messageOf, PipelineError } from '../../errors.ts'

// Node finds no names behind this CommonJS module's spread of its errors.
export const { KafkaJSError, KafkaJSAggregateError } = kafkajs

/** Whatever goes wrong with Kafka may go well later: nothing was done, or it is done again without harm. Other errors stay. */
export function fromKafka(error: unknown): unknown {
  if (error instanceof KafkaJSAggregateError) return fromKafka(error.errors[0])
  if (!(error instanceof KafkaJSError)) return error
  return new PipelineError('bus_unavailable', `Kafka: ${messageOf(error)}`, { retriable: true, cause: error })
}
