/** The kinds of panels, each with what all of its kind have in common. Widths are of 24. */
import {
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type DynamicConfigValue,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import {
  ArcOptionBuilder,
  EdgeOptionsBuilder,
  PanelBuilder as NodeGraphBuilder,
  NodeOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/nodegraph'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { DATA_SOURCE, sqlTarget } from './data-source.ts'
import { type Link, linksTo } from './links.ts'

export type PanelBuilder = NodeGraphBuilder | StatBuilder | TableBuilder | TimeSeriesBuilder

interface Common {
  title: string
  /** What the numbers mean and what they leave out, for whoever reads the panel. */
  description: string
  sql: string
  width: number
  height?: number
}

/** Windows are ten seconds long: nothing finer can be shown. */
const FINEST = '10s'
const MOST_POINTS = 300

interface TimeSeries extends Common {
  unit: string
  /** The column whose values name the series, where each row is one point of one series. */
  label?: string
  stacked?: boolean
  /** Shortest span of one point. */
  interval?: string
}

export function timeSeries({ title, description, sql, width, height = 8, unit, label, ...rest }: TimeSeries) {
  const panel = new TimeSeriesBuilder()
    .title(title)
    .description(description)
    .datasource(DATA_SOURCE)
    .withTarget(sqlTarget(sql, 'timeseries'))
    .span(width)
    .height(height)
    .unit(unit)
    .min(0)
    .interval(rest.interval ?? FINEST)
    .maxDataPoints(MOST_POINTS)
    .showPoints(VisibilityMode.Auto)
    .fillOpacity(rest.stacked ? 40 : 8)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
  if (label !== undefined) panel.displayName(`\${__field.labels.${label}}`)
  if (rest.stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
  return panel
}

interface Stat extends Common {
  unit: string
  decimals?: number
  /** From this value on it is red. */
  badFrom?: number
}

export function stat({ title, description, sql, width, height = 4, unit, decimals, badFrom }: Stat) {
  const steps = [{ value: null, color: 'green' }, ...(badFrom === undefined ? [] : [{ value: badFrom, color: 'red' }])]
  const panel = new StatBuilder()
    .title(title)
    .description(description)
    .datasource(DATA_SOURCE)
    .withTarget(sqlTarget(sql, 'table'))
    .span(width)
    .height(height)
    .unit(unit)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
  return decimals === undefined ? panel : panel.decimals(decimals)
}

interface Table extends Common {
  /** Units and links of columns, by the name of the column. */
  columns?: Record<string, { unit?: string; decimals?: number; width?: number; links?: Link[] }>
}

export function table({ title, description, sql, width, height = 9, columns = {} }: Table) {
  const panel = new TableBuilder()
    .title(title)
    .description(description)
    .datasource(DATA_SOURCE)
    .withTarget(sqlTarget(sql, 'table'))
    .span(width)
    .height(height)
    .filterable(true)
  for (const [name, { unit, decimals, width: pixels, links }] of Object.entries(columns)) {
    const properties: DynamicConfigValue[] = []
    if (unit !== undefined) properties.push({ id: 'unit', value: unit })
    if (decimals !== undefined) properties.push({ id: 'decimals', value: decimals })
    if (pixels !== undefined) properties.push({ id: 'custom.width', value: pixels })
    if (links !== undefined) properties.push(linksTo(...links))
    panel.overrideByName(name, properties)
  }
  return panel
}

interface NodeGraph extends Omit<Common, 'sql'> {
  nodes: string
  edges: string
  mainUnit: string
  secondaryUnit: string
  /** Colours of the parts of a node's ring, by column `arc__<name>`. */
  arcs: Record<string, string>
}

export function nodeGraph({
  title,
  description,
  nodes,
  edges,
  width,
  height = 14,
  mainUnit,
  secondaryUnit,
  arcs,
}: NodeGraph) {
  return new NodeGraphBuilder()
    .title(title)
    .description(description)
    .datasource(DATA_SOURCE)
    .withTarget(sqlTarget(nodes, 'table', 'nodes'))
    .withTarget(sqlTarget(edges, 'table', 'edges'))
    .span(width)
    .height(height)
    .nodes(
      new NodeOptionsBuilder()
        .mainStatUnit(mainUnit)
        .secondaryStatUnit(secondaryUnit)
        .arcs(Object.entries(arcs).map(([name, color]) => new ArcOptionBuilder().field(`arc__${name}`).color(color))),
    )
    .edges(new EdgeOptionsBuilder().mainStatUnit(mainUnit).secondaryStatUnit(secondaryUnit))
}
