/** Where a panel's values lead: other dashboards with the range kept, and Eastwatch's console. */
import type { DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard'

/** Ids of the dashboards, which are also their addresses. */
export const UID = {
  overview: 'eastwatch-overview',
  pair: 'eastwatch-pair',
  identity: 'eastwatch-identity',
  latency: 'eastwatch-latency',
  policy: 'eastwatch-policy',
  health: 'eastwatch-health',
  trace: 'eastwatch-trace',
} as const

export interface Link {
  title: string
  url: string
}

function dashboardUrl(uid: string, variables: Record<string, string>): string {
  const query = Object.entries(variables).map(([name, value]) => `var-${name}=${value}`)
  return `/d/${uid}?${[...query, '${__url_time_range}'].join('&')}`
}

/** The row's value of a column, fit for an address. */
const field = (name: string) => `\${__data.fields.${name}:percentencode}`

export const INCIDENT_LINK: Link = {
  title: 'Open the incident in the console',
  url: '${console_url}/incidents/${__value.raw:percentencode}',
}
export const TRACE_LINK: Link = {
  title: 'Every call of this trace',
  url: dashboardUrl(UID.trace, { trace_id: '${__value.raw:percentencode}' }),
}
export const IDENTITY_LINK: Link = {
  title: 'What this caller does',
  url: dashboardUrl(UID.identity, { source: '${__value.raw:percentencode}' }),
}
/** For a table with the columns `source` and `service`. */
export const PAIR_LINK: Link = {
  title: 'Source and service together',
  url: dashboardUrl(UID.pair, { source: field('source'), service: field('service') }),
}
export const LATENCY_LINK: Link = {
  title: 'Latency and gap of this service',
  url: dashboardUrl(UID.latency, { service: '${__value.raw:percentencode}' }),
}

export function linksTo(...links: Link[]): DynamicConfigValue {
  return { id: 'links', value: links }
}
