/**
 * Whether something has worked once. Until then what only its operator can mend ends it, so that a start fails with a clear error;
 * afterwards that is told and tried again: rights are given back, certificates renewed, and what was acknowledged waits meanwhile.
 */
import { PipelineError } from '../../errors.ts'
import { fromKafka, isOfCoordinator, KafkaJSError, MISSING_RIGHT } from './errors.ts'

/** Brokers that have just started need some seconds to say who coordinates. */
const COORDINATED_WITHIN_MS = 20_000

export class Trial {
  #passed = false
  #uncoordinatedSince: number | undefined

  pass(): void {
    this.#passed = true
  }

  /** What kafkajs threw, in the words of the bus. */
  fromKafka(error: unknown): unknown {
    const told = this.#isUncoordinated(error) ? uncoordinated(error) : fromKafka(error)
    if (!this.#passed || !(told instanceof PipelineError) || told.code !== 'config') return told
    if (!(told.cause instanceof KafkaJSError)) return told
    return new PipelineError('config', told.message, { retriable: true, cause: told.cause })
  }

  #isUncoordinated(error: unknown): boolean {
    if (!isOfCoordinator(error)) {
      this.#uncoordinatedSince = undefined
      return false
    }
    const now = performance.now()
    this.#uncoordinatedSince ??= now
    return now - this.#uncoordinatedSince > COORDINATED_WITHIN_MS
  }
}

function uncoordinated(cause: unknown): PipelineError {
  const what = `no broker has said for ${COORDINATED_WITHIN_MS / 1000} s who coordinates the group or its transactions`
  return new PipelineError('config', `Kafka: ${what}: ${MISSING_RIGHT}`, { cause })
}
