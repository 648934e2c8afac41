/** A dashboard of rows of panels, with what all have: the data source, the console's address, incidents as annotations, links. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DATA_SOURCE, sqlTarget } from './data-source.ts'
import type { PanelBuilder } from './panels.ts'
import { INCIDENTS, IS_OPEN } from './sql.ts'
import { consoleUrl, dataSource } from './variables.ts'

export const TAG = 'eastwatch'

export interface Plan {
  uid: string
  title: string
  description: string
  variables: readonly Builder<VariableModel>[]
  rows: readonly { title: string; panels: readonly PanelBuilder[] }[]
}

export function dashboard({ uid, title, description, variables, rows }: Plan): Dashboard {
  const builder = new DashboardBuilder(`Eastwatch: ${title}`)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .timezone('utc')
    .time({ from: 'now-1h', to: 'now' })
    .refresh('1m')
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([dataSource, consoleUrl, ...variables])
    .annotation(incidentAnnotations)
    .link(
      new DashboardLinkBuilder('Eastwatch')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .keepTime(true),
    )
  let id = 0
  for (const row of rows) {
    id += 1
    builder.withRow(new RowBuilder(row.title).id(id))
    for (const panel of row.panels) {
      id += 1
      builder.withPanel(panel.id(id))
    }
  }
  const built = builder.build()
  // The SDK puts both into a menu, where nobody looks; without a place they stand at the top.
  for (const one of [...(built.links ?? []), ...(built.annotations?.list ?? [])]) delete one.placement
  return built
}

/**
 * Incidents above info, as spans from their opening to their end. The newest come first where there are too many. Grafana shows the
 * text as HTML, and a summary holds names from telemetry: no tag may begin in it.
 */
const INCIDENT_SPANS = `SELECT opened_at AS time, if(${IS_OPEN}, $__toTime_ms, resolved_at) AS timeEnd,
    concat(severity, ': ', replaceAll(summary, '<', '‹')) AS text, detector AS title, severity AS tags, id
FROM incidents FINAL
WHERE ${INCIDENTS} AND severity != 'info'
ORDER BY opened_at DESC
LIMIT 200`

const incidentAnnotations = new AnnotationQueryBuilder()
  .name('Incidents')
  .datasource(DATA_SOURCE)
  .enable(true)
  .iconColor('red')
  .target(sqlTarget(INCIDENT_SPANS, 'table'))
