/**
 * Traces and metrics are accepted and counted: their messages are walked down to spans and data points, whose insides are skipped.
 */
import { PipelineError } from '../../core/errors.ts'
import { elements, type Json, member } from './json-members.ts'
import { parseJson } from './json-text.ts'
import type { ReadLimits } from './limits.ts'
import { LENGTH, Wire } from './wire.ts'

export type CountedSignal = 'traces' | 'metrics'

/** Field numbers from the request down to what is counted; a metric holds its points in one of several kinds of data. */
const WAYS: Record<CountedSignal, readonly (readonly number[])[]> = {
  traces: [[1], [2], [2]],
  // resource_metrics, scope_metrics, metrics, gauge | sum | histogram | exponential_histogram | summary, data_points
  metrics: [[1], [2], [2], [5, 7, 9, 10, 11], [1]],
}
const METRIC_DATA = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']

const wire = new Wire()

export function countItems(body: Uint8Array, signal: CountedSignal, limits: ReadLimits): number {
  wire.open(body)
  try {
    return countBelow(WAYS[signal], 0, body.byteLength, { left: limits.maxRecords, limit: limits.maxRecords })
  } finally {
    wire.close()
  }
}

function countBelow(
  way: readonly (readonly number[])[],
  depth: number,
  end: number,
  budget: { left: number; limit: number },
): number {
  const fields = way[depth]!
  let count = 0
  while (wire.at < end) {
    const tag = wire.tag(end)
    if ((tag & 7) !== LENGTH || !fields.includes(tag >>> 3)) {
      wire.skip(tag, end)
      continue
    }
    const stop = wire.length(end)
    if (depth < way.length - 1) count += countBelow(way, depth + 1, stop, budget)
    else {
      wire.at = stop
      count += 1
      budget.left -= 1
      if (budget.left < 0) tooMany(budget.limit)
    }
  }
  return count
}

export function countItemsJson(body: Uint8Array, signal: CountedSignal, limits: ReadLimits): number {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const request = member({ request: parseJson(bytes, limits) }, 'request') ?? {}
  let count = 0
  for (const resource of elements(request, signal === 'traces' ? 'resourceSpans' : 'resourceMetrics')) {
    for (const scope of elements(resource, signal === 'traces' ? 'scopeSpans' : 'scopeMetrics')) {
      if (signal === 'traces') count += elements(scope, 'spans').length
      else for (const metric of elements(scope, 'metrics')) count += pointsOf(metric)
    }
  }
  if (count > limits.maxRecords) tooMany(limits.maxRecords)
  return count
}

function pointsOf(metric: Json): number {
  let points = 0
  for (const kind of METRIC_DATA) {
    const data = member(metric, kind)
    if (data !== undefined) points += elements(data, 'dataPoints').length
  }
  return points
}

function tooMany(limit: number): never {
  throw new PipelineError('too_large', `more than ${limit} items in one request`)
}
