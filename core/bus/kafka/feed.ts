/** Records of one partition that were fetched and not handled yet. Bounded: when it is full the partition is paused. */
import type { Batch as Fetched } from 'kafkajs'
import type { BusRecord } from '../bus.ts'

const FULL_BYTES = 16 * 1024 * 1024
const MAX_BATCH_RECORDS = 4096

/** The consumer's side: where to fetch, and whether. */
export interface Valve {
  open(from: number): void
  close(): void
}

export class Feed {
  /** The offset that is expected next; what is before it has been taken in. */
  #next = 0
  #started = false
  #full = false
  #records: BusRecord[] = []
  #bytes = 0
  #wake: () => void = () => {}
  readonly #valve: Valve

  constructor(valve: Valve) {
    this.#valve = valve
  }

  /** From here on what is fetched is taken in, beginning with this offset. */
  start(from: number): void {
    this.stop()
    this.#next = from
    this.#started = true
    this.#valve.open(from)
  }

  stop(): void {
    this.#valve.close()
    this.#started = false
    this.#full = false
    this.#records = []
    this.#bytes = 0
  }

  /** The consumer has joined its group anew, and knows neither where this partition is nor whether it may be fetched. */
  refresh(): void {
    if (this.#started && !this.#full) this.#valve.open(this.#next)
    else this.#valve.close()
  }

  /** Takes in what was fetched; passes over what it has already, and what was fetched before it was told where to start. */
  offer({ messages }: Fetched): void {
    if (!this.#started) return
    for (const { offset, value } of messages) {
      if (Number(offset) < this.#next) continue
      this.#records.push({ offset: Number(offset), value: value ?? Buffer.alloc(0) })
      this.#bytes += value?.length ?? 0
      this.#next = Number(offset) + 1
    }
    if (this.#bytes >= FULL_BYTES && !this.#full) {
      this.#full = true
      this.#valve.close()
    }
    this.#wake()
  }

  /**
   * The next records, at most so many bytes of values but one at least; none where the signal aborts or so many milliseconds pass first.
   */
  async take(maxBytes: number, signal: AbortSignal, waitMs?: number): Promise<BusRecord[]> {
    if (this.#records.length === 0 && !signal.aborted) await this.#arrival(signal, waitMs)
    if (signal.aborted) return []
    let bytes = 0
    let count = 0
    for (; count < Math.min(this.#records.length, MAX_BATCH_RECORDS); count += 1) {
      bytes += this.#records[count]!.value.length
      if (count > 0 && bytes > maxBytes) {
        bytes -= this.#records[count]!.value.length
        break
      }
    }
    this.#bytes -= bytes
    if (this.#full && this.#bytes < FULL_BYTES / 2) {
      this.#full = false
      this.#valve.open(this.#next)
    }
    return this.#records.splice(0, count)
  }

  async #arrival(signal: AbortSignal, waitMs: number | undefined): Promise<void> {
    let wake = (): void => {}
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    this.#wake = wake
    signal.addEventListener('abort', wake, { once: true })
    const timer = waitMs === undefined ? undefined : setTimeout(wake, waitMs)
    await woken
    clearTimeout(timer)
    signal.removeEventListener('abort', wake)
  }
}
