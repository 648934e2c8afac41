/** What a collector counts. The figures are in shared memory, so that they can be read from beside the collector's thread. */
import { metrics } from '@opentelemetry/api'
import type { Signal } from './delivery.ts'

/** Plain figures, for readiness, metrics and tests. */
export interface CollectorCounts {
  received: Record<Signal, number>
  bytes: Record<Signal, number>
  calls: number
  rejected: number
  /** Records from more than a minute ahead, set back to their arrival. */
  clamped: number
  late: number
  /** Requests refused because their sender was over its quota. */
  throttled: number
  /** Requests refused because the bus or the collector's memory was full. */
  refused: number
  ticksMissed: number
  /** Messages that Kafka deleted before they were read. */
  lost: number
}

const SIGNALS = ['logs', 'traces', 'metrics'] as const satisfies readonly Signal[]
const EVENTS = {
  calls: 'Calls made durable.',
  rejected: 'Log records that could not be turned into a call.',
  clamped: 'Calls from the future, set back to their arrival.',
  late: 'Calls that came later than the lateness allows.',
  throttled: 'Requests put off because their sender was over its quota.',
  refused: 'Requests put off because the bus or memory was full.',
  ticksMissed: 'Ticks that could not be written.',
  lost: 'Messages of the Kafka topics read that Kafka deleted before they were read.',
} as const
type Event = keyof typeof EVENTS
const EVENT_NAMES = Object.keys(EVENTS) as Event[]

/** Received and bytes by signal, then the events, then how far behind. */
const BEHIND = 2 * SIGNALS.length + EVENT_NAMES.length
const FIGURES = BEHIND + 1

export function countsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(FIGURES * Float64Array.BYTES_PER_ELEMENT)
}

export class CollectorMetrics {
  readonly #figures: Float64Array

  constructor(memory = countsMemory()) {
    this.#figures = new Float64Array(memory)
  }

  received(signal: Signal, records: number, bytes: number): void {
    const at = SIGNALS.indexOf(signal)
    this.#figures[at]! += records
    this.#figures[SIGNALS.length + at]! += bytes
  }

  add(event: Event, by: number): void {
    this.#figures[2 * SIGNALS.length + EVENT_NAMES.indexOf(event)]! += by
  }

  /** How long the oldest message waits that is not durable. */
  set behindSeconds(seconds: number) {
    this.#figures[BEHIND] = seconds
  }

  get behindSeconds(): number {
    return this.#figures[BEHIND]!
  }

  get counts(): CollectorCounts {
    const bySignal = (from: number) =>
      Object.fromEntries(SIGNALS.map((signal, i) => [signal, this.#figures[from + i]!])) as Record<Signal, number>
    const events = EVENT_NAMES.map((event, i) => [event, this.#figures[2 * SIGNALS.length + i]!])
    return {
      received: bySignal(0),
      bytes: bySignal(SIGNALS.length),
      ...(Object.fromEntries(events) as Record<Event, number>),
    }
  }
}

/** On the meter of whoever set one up; to be called once a process. */
export function observeCollector(counts: () => CollectorCounts): void {
  const meter = metrics.getMeter('eastwatch.collector')
  meter
    .createObservableCounter('eastwatch_collector_records', {
      description: 'Log records, spans and data points received and acknowledged.',
    })
    .addCallback((result) => {
      for (const signal of SIGNALS) result.observe(counts().received[signal], { signal })
    })
  meter
    .createObservableCounter('eastwatch_collector_bytes', {
      description: 'Bytes of request bodies received, after decompression.',
      unit: 'By',
    })
    .addCallback((result) => {
      for (const signal of SIGNALS) result.observe(counts().bytes[signal], { signal })
    })
  for (const event of EVENT_NAMES) {
    const name = `eastwatch_collector_${event.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`
    meter
      .createObservableCounter(name, { description: EVENTS[event] })
      .addCallback((result) => result.observe(counts()[event]))
  }
}

/** Where Kafka is read; to be called once a process. */
export function observeBehind(seconds: () => number): void {
  metrics
    .getMeter('eastwatch.collector')
    .createObservableGauge('eastwatch_collector_kafka_behind_seconds', {
      description: 'How long the oldest message of the Kafka topics read waits that is not durable.',
      unit: 's',
    })
    .addCallback((result) => result.observe(seconds()))
}
