/** The queries of the dashboards, for those who run them without Grafana. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import type { SqlTarget } from '../dashboards/grafana/data-source.ts'
import { intervalOf, type Range } from './grafana-macros.ts'

export interface PanelQuery {
  dashboard: string
  panel: string
  /** Kind of the panel: `timeseries`, `table`, `stat`, `nodeGraph`. */
  type: string
  target: SqlTarget
  /** Columns that the panel's settings name. */
  named: string[]
  /** Its answer's points and the shortest span of one. */
  points: number
  shortestMs: number
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000 }

export function panelQueries({ title, panels = [] }: Dashboard): PanelQuery[] {
  return panels.flatMap((panel) => {
    if (!('targets' in panel)) return []
    const overrides = panel.fieldConfig?.overrides ?? []
    const label = /labels\.(\w+)/.exec(panel.fieldConfig?.defaults.displayName ?? '')?.[1]
    const [, count, unit] = /^(\d+)([sm])$/.exec(panel.interval ?? '') ?? []
    return (panel.targets ?? []).map((target) => ({
      dashboard: title ?? '',
      panel: panel.title ?? '',
      type: panel.type,
      target: target as SqlTarget,
      named: [...overrides.map(({ matcher }) => String(matcher.options)), ...(label === undefined ? [] : [label])],
      points: panel.maxDataPoints ?? 300,
      shortestMs: Number(count ?? 1) * UNITS[unit ?? 's']!,
    }))
  })
}

export function rangeOf({ points, shortestMs }: PanelQuery, from: number, to: number): Range {
  return { from, to, intervalMs: intervalOf(to - from, points, shortestMs) }
}

/** Queries behind a dashboard's variables, by the variable's name. */
export function variableQueries({ templating }: Dashboard): Record<string, string> {
  const list = templating?.list ?? []
  const queried = list.flatMap(({ name, query }) =>
    typeof query === 'object' ? [[name, (query as { rawSql: string }).rawSql]] : [],
  )
  return Object.fromEntries(queried)
}
