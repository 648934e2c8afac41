/**
 * Counters and gauges that a module may declare at its top. The OpenTelemetry API gives a meter that does nothing to whoever asks
 * before the SDK has started, and modules are loaded before; these ask at their first use.
 */
import { type Attributes, type MetricOptions, metrics } from '@opentelemetry/api'

/** Adds to a counter, sets a gauge. */
export type Instrument = (value: number, attributes?: Attributes) => void

export function counter(meter: string, name: string, options: MetricOptions): Instrument {
  return atFirstUse(() => {
    const made = metrics.getMeter(meter).createCounter(name, options)
    return (value, attributes) => made.add(value, attributes)
  })
}

export function gauge(meter: string, name: string, options: MetricOptions): Instrument {
  return atFirstUse(() => {
    const made = metrics.getMeter(meter).createGauge(name, options)
    return (value, attributes) => made.record(value, attributes)
  })
}

function atFirstUse(make: () => Instrument): Instrument {
  let made: Instrument | undefined
  return (value, attributes) => {
    made ??= make()
    made(value, attributes)
  }
}
