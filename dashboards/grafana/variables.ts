/** The variables at the top of the dashboards. */
import {
  ConstantVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableHide,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DATA_SOURCE, PLUGIN } from './data-source.ts'
import { CALLER, CALLER_KEY, FROM_SOURCE, SERVICE, shown, WINDOWS } from './sql.ts'

/** Choices of a variable; more can be typed in. */
const MOST_CHOICES = 1000

/** The data source of provisioning/, unless another one is chosen. */
export const dataSource = new DatasourceVariableBuilder('data_source')
  .label('Data source')
  .type(PLUGIN)
  .current({ text: 'Eastwatch', value: 'eastwatch', selected: true })
  .hide(VariableHide.HideVariable)

/** Where the console answers. Set your own in the generated JSON, or save a copy of the dashboard with another value. */
export const consoleUrl = new ConstantVariableBuilder('console_url').value('http://127.0.0.1:4380')

const SERVICES = (where: string) => `SELECT ${SERVICE} AS service
FROM windows
WHERE ${where} AND destination_service != ''
GROUP BY destination_service
ORDER BY sum(requests) DESC, service
LIMIT ${MOST_CHOICES}`

/** Several services; all of them unless others are chosen. */
export const services = query('service', 'Service', SERVICES(WINDOWS))
  .multi(true)
  .includeAll(true)
  .current({ text: ['All'], value: ['$__all'], selected: true })

/** One service that the chosen source calls. */
export const serviceOfSource = query('service', 'Service', SERVICES(`${WINDOWS} AND ${FROM_SOURCE}`))

export const source = query(
  'source',
  'Source',
  `SELECT source
FROM (
  SELECT ${shown(CALLER)} AS source, sum(requests) AS of_group
  FROM windows
  WHERE ${WINDOWS}
  GROUP BY ${CALLER_KEY}
)
WHERE source != ''
GROUP BY source
ORDER BY sum(of_group) DESC, source
LIMIT ${MOST_CHOICES}`,
)

export const traceId = new TextBoxVariableBuilder('trace_id').label('Trace or request id').defaultValue('')

function query(name: string, label: string, rawSql: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query({ editorType: 'sql', rawSql })
    .refresh(VariableRefresh.OnTimeRangeChanged)
}
