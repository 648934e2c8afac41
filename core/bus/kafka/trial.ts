/**
 * Whether something has worked once. Until then what only its operator can mend ends it, so that a start fails with a clear error;
 * afterwards that is told and tried again: rights are given back, certificates renewed, and what was acknowledged waits meanwhile.
 */
import { PipelineError } from '../../errors.ts'
import { fromKafka, KafkaJSError } from './errors.ts'

export class Trial {
  #passed = false

  pass(): void {
    this.#passed = true
  }

  /** What kafkajs threw, in the words of the bus. */
  fromKafka(error: unknown): unknown {
    const told = fromKafka(error)
    if (!this.#passed || !(told instanceof PipelineError) || told.code !== 'config') return told
    if (!(told.cause instanceof KafkaJSError)) return told
    return new PipelineError('config', told.message, { retriable: true, cause: told.cause })
  }
}
