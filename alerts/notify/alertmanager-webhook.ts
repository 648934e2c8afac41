/**
 * Channel `alertmanager_webhook`: what Alertmanager itself sends to its webhooks, payload version 4, for receivers that know it. Each
 * alert is an incident; its fingerprint is the incident's, so `severity` may stand among the labels, where such receivers look for it.
 * https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
 */
import { annotationsOf, rfc3339, stableLabels } from './alertmanager-alert.ts'
import type { AlertmanagerWebhookConfig } from './alertmanager-webhook-config.ts'
import type { Channel, ChannelContext, GroupNotice, News, Notice, SummaryNotice } from './channel.ts'
import type { Cut } from './fitted.ts'
import { fitted } from './fitted.ts'
import { headline } from './headline.ts'
import { consoleLink } from './links.ts'
import { jsonText, plain } from './plain.ts'
import { post } from './post.ts'
import { endpointOf } from './posted.ts'

const MAX_BODY_BYTES = 512 * 1024
const MAX_TEXT = 1_000
/** What Alertmanager writes for an end that is not known yet. */
const NEVER = '0001-01-01T00:00:00Z'

export function createAlertmanagerWebhook(config: AlertmanagerWebhookConfig, { consoleUrl }: ChannelContext): Channel {
  const endpoint = endpointOf(config)
  return {
    // What takes this payload joins by groupKey, and waits for `resolved`.
    holdsOpen: true,
    async send(notice, seconds, signal) {
      const body = webhookBody(notice, config.name, consoleUrl)
      await post(endpoint, { id: notice.id, body, seconds, reason: (text) => text }, signal)
    },
  }
}

/** The payload of a notice, as JSON. */
export function webhookBody(notice: Notice, receiver: string, consoleUrl: string | undefined): Buffer {
  const around = { version: '4', receiver, externalURL: consoleUrl ?? '' }
  if (notice.type === 'summary') return Buffer.from(jsonText({ ...around, ...stormPayload(notice, consoleUrl) }))
  return fitted(MAX_BODY_BYTES, notice, (news, others, cut) => ({
    ...around,
    ...groupPayload(notice, news, others, cut, consoleUrl),
  }))
}

function groupPayload(
  { key, labels, open }: GroupNotice,
  news: readonly News[],
  others: number,
  cut: Cut,
  consoleUrl: string | undefined,
) {
  const alerts = news.map((one) => alertOf(one, cut, consoleUrl))
  return {
    groupKey: key,
    truncatedAlerts: others,
    status: open > 0 ? 'firing' : 'resolved',
    groupLabels: Object.fromEntries(
      Object.entries(labels).map(([label, value]) => [plain(label, cut.text), plain(value, cut.text)]),
    ),
    commonLabels: common(alerts.map((alert) => alert.labels)),
    commonAnnotations: common(alerts.map((alert) => alert.annotations)),
    alerts,
  }
}

function alertOf(news: News, cut: Cut, consoleUrl: string | undefined) {
  const { record } = news
  const isOpen = record.status === 'open'
  return {
    status: isOpen ? 'firing' : 'resolved',
    labels: { ...stableLabels(record), severity: record.severity },
    annotations: annotationsOf(news, cut),
    startsAt: rfc3339(record.openedAt),
    endsAt: isOpen ? NEVER : rfc3339(record.resolvedAt),
    generatorURL: consoleLink(record, consoleUrl) ?? '',
    // Alertmanager's have 16 hex digits.
    fingerprint: record.id.slice(0, 16),
  }
}

function stormPayload(notice: SummaryNotice, consoleUrl: string | undefined) {
  const { worst, from } = notice.summary
  const labels = { alertname: 'eastwatch_storm', severity: worst[0]?.severity ?? 'info' }
  const annotations = { summary: headline(notice, MAX_TEXT) }
  const alert = {
    status: 'firing',
    labels,
    annotations,
    startsAt: rfc3339(from),
    endsAt: NEVER,
    generatorURL: consoleUrl ?? '',
    fingerprint: 'eastwatch.storm',
  }
  return {
    groupKey: 'eastwatch.storm',
    truncatedAlerts: 0,
    status: 'firing',
    groupLabels: { alertname: labels.alertname },
    commonLabels: labels,
    commonAnnotations: annotations,
    alerts: [alert],
  }
}

/** What all of them have, and have alike. */
function common(sets: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const [first = {}, ...rest] = sets
  return Object.fromEntries(Object.entries(first).filter(([name, value]) => rest.every((set) => set[name] === value)))
}
