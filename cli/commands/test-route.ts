/** `eastwatch alerts test-route`: where an incident goes, by the configuration, and what would hold it back. */
import { parseArgs } from 'node:util'
import { IncidentAnswer } from '../../alerts/api/incident-answer.ts'
import { severityRank } from '../../alerts/incident.ts'
import { LABELS, type Label, type Labels, labelsOf, namespaceOfService } from '../../alerts/labels.ts'
import { type Destination, groupOf, isMuted, Router } from '../../alerts/routing/tree.ts'
import { systemClock } from '../../core/clock.ts'
import type { IncidentRecord } from '../../storage/incident-records.ts'
import { API_OPTIONS, apiClient } from '../api-client.ts'
import { type Run, UsageError } from '../command.ts'
import { type EastwatchConfig, readConfig } from '../config.ts'
import { table } from '../table.ts'

interface Way {
  receiver: string
  route: string
  group: Readonly<Record<string, string>>
  /** Why it would not be told now; '' where it would. */
  held: string
}

export const run: Run = async (args, around) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...API_OPTIONS, incident: { type: 'string' } },
  })
  if ((values.incident === undefined) === (positionals.length === 0)) {
    throw new UsageError('give labels such as severity=critical destination=payment.shop, or --incident with an id')
  }
  const config = readConfig(values.config, around)
  const labels =
    values.incident === undefined
      ? labelsFrom(positionals)
      : labelsOf(recordOf(await apiClient(values, around).get(`/incidents/${encodeURIComponent(values.incident)}`)))
  const ways = waysOf(labels, config)
  around.out(values.json ? `${JSON.stringify(ways)}\n` : textOf(ways))
  return 0
}

function waysOf(labels: Labels, { alerts }: EastwatchConfig): Way[] {
  const names = alerts.receivers.map(({ name }) => name)
  const router = new Router(alerts.route, names, alerts.timeIntervals)
  const why = ({ receiver, options }: Destination): string => {
    const { minSeverity } = alerts.receivers.find(({ name }) => name === receiver)!
    const [severity = ''] = labels.severity
    if (severityRank(severity) < severityRank(minSeverity)) return `${receiver} is told from ${minSeverity} on`
    return isMuted(options, systemClock.now()) ? 'its hours: told after them, if it is still open' : ''
  }
  return router.destinations(labels).map((destination) => ({
    receiver: destination.receiver,
    route: `alerts.${destination.route}`,
    group: groupOf(destination, labels).labels,
    held: why(destination),
  }))
}

function textOf(ways: readonly Way[]): string {
  if (ways.length === 0) return 'nobody is told: no receiver is configured, or this route has none\n'
  const rows = ways.map(({ receiver, route, group, held }) => [
    receiver,
    route,
    Object.entries(group)
      .map(([label, value]) => `${label}=${value}`)
      .join(' '),
    held === '' ? 'yes' : `no: ${held}`,
  ])
  return table(['RECEIVER', 'BY', 'GROUP', 'TOLD NOW'], rows)
}

function labelsFrom(pairs: readonly string[]): Labels {
  const given: Record<string, string[]> = Object.fromEntries(LABELS.map((label) => [label, []]))
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    const label = LABELS.find((one) => one === pair.slice(0, at))
    if (label === undefined) throw new UsageError(`${pair}: write a label of ${LABELS.join(', ')}, = and its value`)
    given[label]!.push(pair.slice(at + 1))
  }
  for (const service of given.destination!) {
    const namespace = namespaceOfService(service)
    if (namespace !== '' && given.destination_namespace!.length === 0) given.destination_namespace!.push(namespace)
  }
  const valuesOf = (label: Label) => (given[label]!.length > 0 ? given[label]! : label === 'severity' ? ['high'] : [''])
  return Object.fromEntries(LABELS.map((label) => [label, valuesOf(label)])) as unknown as Labels
}

/** As much of it as has labels. */
function recordOf(answer: unknown): IncidentRecord {
  const incident = IncidentAnswer.parse(answer)
  return {
    ...incident,
    destinationNamespace: namespaceOfService(incident.destinationService),
  } as unknown as IncidentRecord
}
