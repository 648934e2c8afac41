/** The ClickHouse data source, and a query as its plugin takes it. */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common'

export const PLUGIN = 'grafana-clickhouse-datasource'
/** Of the plugin that the queries were written for; it is installed by deploy/compose. */
export const PLUGIN_VERSION = '4.20.0'

/** Whatever the variable `data_source` names. */
export const DATA_SOURCE: DataSourceRef = { type: PLUGIN, uid: '${data_source}' }

export type Shape = 'timeseries' | 'table'
/** How the plugin numbers the shapes of an answer. */
const FORMAT: Record<Shape, number> = { timeseries: 0, table: 1 }

export interface SqlTarget extends Dataquery {
  refId: string
  datasource: DataSourceRef
  editorType: 'sql'
  format: number
  queryType: Shape
  rawSql: string
  pluginVersion: string
}

export function sqlTarget(rawSql: string, shape: Shape, refId = 'A'): Builder<SqlTarget> {
  const target = {
    refId,
    datasource: DATA_SOURCE,
    editorType: 'sql',
    format: FORMAT[shape],
    queryType: shape,
    rawSql: rawSql.trim(),
    pluginVersion: PLUGIN_VERSION,
  }
  // The method only marks the type, and has no place in JSON.
  return { build: () => target as unknown as SqlTarget }
}
