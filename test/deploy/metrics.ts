/** Names of Eastwatch's own metrics, as they stand at /metrics. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CollectorMetrics, observeCollector } from '../../collector/metrics.ts'
import { TelemetryConfig } from '../../core/telemetry/config.ts'
import { Health, serveHealth } from '../../core/telemetry/health.ts'
import { startTelemetry } from '../../core/telemetry/telemetry.ts'
import { filesOf, ROOT } from './files.ts'

const FOLDERS = ['core', 'collector', 'detectors', 'storage', 'alerts', 'cli']
const DECLARATION = /\b(?:createObservable)?([Cc]ounter|[Gg]auge)\(\s*(?:[^',)]+,\s*|'[^']+',\s*)?'(eastwatch_\w+)'/g

/** Those that the source declares by name: the exporter puts `_total` behind a counter. */
export function declaredMetrics(): Set<string> {
  const names = new Set<string>()
  for (const path of FOLDERS.flatMap(filesOf).filter((name) => name.endsWith('.ts'))) {
    for (const [, kind, name] of readFileSync(join(ROOT, path), 'utf8').matchAll(DECLARATION)) {
      names.add(/counter/i.test(kind!) ? `${name}_total` : name!)
    }
  }
  return names
}

/** The collector's, which it puts together from parts: asked of the real exporter. To be called once a process. */
export async function collectorMetrics(): Promise<Set<string>> {
  const telemetry = startTelemetry(TelemetryConfig.parse({}), '0')
  const server = await serveHealth('127.0.0.1:0', new Health(), telemetry.metrics)
  try {
    observeCollector(() => new CollectorMetrics().counts)
    const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
    return new Set([...text.matchAll(/^(eastwatch_\w+)/gm)].map(([, name]) => name!))
  } finally {
    await server.stop()
    await telemetry.stop()
  }
}
