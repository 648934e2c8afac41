/** kafkajs may fall silent without a word: a consumer that neither fails nor fetches. Whoever waits for it is told, and makes it anew. */
import { PipelineError } from '../../errors.ts'

export class Watchdog {
  readonly #timer: NodeJS.Timeout

  /**
   * Until the signal aborts: `onSilence` is told `bus_unavailable` (retriable) once nothing was heard for so long. `what` says what is
   * silent.
   */
  constructor(what: string, silentMs: number, signal: AbortSignal, onSilence: (error: PipelineError) => void) {
    this.#timer = setTimeout(() => {
      onSilence(new PipelineError('bus_unavailable', `${what} is silent for ${silentMs / 1000} s`, { retriable: true }))
    }, silentMs)
    signal.addEventListener('abort', () => clearTimeout(this.#timer), { once: true })
  }

  heard(): void {
    this.#timer.refresh()
  }
}
