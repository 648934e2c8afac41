/** The collector's own counters, on the meter of whoever set one up. */
import { metrics } from '@opentelemetry/api'
import type { Signal } from './delivery.ts'

/** Plain figures beside the meter, for readiness and tests. */
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
}

export class CollectorMetrics {
  readonly counts: CollectorCounts = {
    received: { logs: 0, traces: 0, metrics: 0 },
    bytes: { logs: 0, traces: 0, metrics: 0 },
    calls: 0,
    rejected: 0,
    clamped: 0,
    late: 0,
    throttled: 0,
    refused: 0,
    ticksMissed: 0,
  }
  readonly #meter = metrics.getMeter('eastwatch.collector')
  readonly #received = this.#meter.createCounter('eastwatch_collector_records', {
    description: 'Log records, spans and data points received and acknowledged.',
  })
  readonly #bytes = this.#meter.createCounter('eastwatch_collector_bytes', {
    description: 'Bytes of request bodies received, after decompression.',
    unit: 'By',
  })
  readonly #counters = Object.fromEntries(
    (
      [
        ['calls', 'Calls made durable.'],
        ['rejected', 'Log records that could not be turned into a call.'],
        ['clamped', 'Calls from the future, set back to their arrival.'],
        ['late', 'Calls that came later than the lateness allows.'],
        ['throttled', 'Requests put off because their sender was over its quota.'],
        ['refused', 'Requests put off because the bus or memory was full.'],
        ['ticksMissed', 'Ticks that could not be written.'],
      ] as const
    ).map(([name, description]) => [
      name,
      this.#meter.createCounter(`eastwatch_collector_${name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`, {
        description,
      }),
    ]),
  )

  received(signal: Signal, records: number, bytes: number): void {
    this.counts.received[signal] += records
    this.counts.bytes[signal] += bytes
    this.#received.add(records, { signal })
    this.#bytes.add(bytes, { signal })
  }

  add(name: Exclude<keyof CollectorCounts, 'received' | 'bytes'>, by: number): void {
    if (by === 0) return
    this.counts[name] += by
    this.#counters[name]!.add(by)
  }
}
