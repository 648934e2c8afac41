/**
 * Channel `pagerduty`: Events API v2. A notice is one event: a group is one alert of PagerDuty, joined by its key; it is resolved when
 * nothing of the group is open any more. https://developer.pagerduty.com/docs/events-api-v2-overview: 202 is taken, 400 is never tried
 * again, 429 wants minutes of pause.
 */
import { parseEvidence } from '../evidence.ts'
import type { Channel, ChannelContext, GroupNotice, News, Notice, SummaryNotice } from './channel.ts'
import { factsOf, sqlOf } from './facts.ts'
import { fitted } from './fitted.ts'
import { headline } from './headline.ts'
import { type Link, linksOf } from './links.ts'
import { time } from './message.ts'
import type { PagerDutyConfig } from './pagerduty-config.ts'
import { jsonText, plain } from './plain.ts'
import { notItsAnswer, post } from './post.ts'

/** PagerDuty takes 512 KB, read as the smaller of the two. */
const MAX_BODY_BYTES = 512_000
const MAX_SUMMARY = 1_024
const MAX_NAME = 255
const MAX_LINKS = 10
const BUSY_MS = 2 * 60_000
/** All storms are one alert: each summary is an event of it, and people close it. */
const STORM_KEY = 'eastwatch.storm'

const SEVERITY: Readonly<Record<string, string>> = { critical: 'critical', high: 'error', warning: 'warning' }

export function createPagerDuty(config: PagerDutyConfig, context: ChannelContext): Channel {
  const endpoint = { ...config, hidden: [config.routingKey] }
  return {
    holdsOpen: true,
    async send(notice, seconds, signal) {
      const body = eventBody(notice, config.routingKey, context.consoleUrl)
      const answer = await post(endpoint, { id: notice.id, body, seconds, reason, busyMs: BUSY_MS }, signal)
      if (objectOf(answer.text)?.status !== 'success') throw notItsAnswer('PagerDuty', answer, endpoint)
    },
  }
}

/** `{"status": ..., "message": ..., "errors": [...]}` in one line, or the text where it is none. */
function reason(text: string): string {
  const { message, errors } = objectOf(text) ?? {}
  const told = [message, ...(Array.isArray(errors) ? errors : [])].filter((part) => typeof part === 'string')
  return told.length === 0 ? text : told.join('; ')
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The event of a notice, as JSON. */
export function eventBody(notice: Notice, routingKey: string, consoleUrl: string | undefined): Buffer {
  if (notice.type === 'summary') return Buffer.from(jsonText(stormEvent(notice, routingKey, consoleUrl)))
  const action = actionOf(notice)
  const keys = { routing_key: routingKey, event_action: action, dedup_key: notice.key }
  if (action !== 'trigger') return Buffer.from(jsonText(keys))
  return fitted(MAX_BODY_BYTES, notice, (news, others, { text }) => ({
    ...keys,
    payload: {
      summary: headline(notice, MAX_SUMMARY),
      ...placeOf(notice.news[0]),
      severity: SEVERITY[notice.news[0].record.severity] ?? 'info',
      custom_details: detailsOf(news, others, text),
    },
    ...clientOf(consoleUrl),
    links: linksTo(news, consoleUrl),
  }))
}

function actionOf({ open, news }: GroupNotice): 'trigger' | 'acknowledge' | 'resolve' {
  if (open === 0) return 'resolve'
  return open === 1 && news.length === 1 && news[0].reason === 'acknowledged' ? 'acknowledge' : 'trigger'
}

/** Where PagerDuty shows it: fields of its common event format. */
function placeOf({ record }: News) {
  const name = (text: string) => plain(text, MAX_NAME)
  const at = time(record.updatedAt)
  return {
    source: name(record.destinationService) || name(record.sources[0] ?? '') || 'service mesh',
    ...(at === null ? {} : { timestamp: at }),
    ...(record.sourceWorkload === '' ? {} : { component: name(record.sourceWorkload) }),
    ...(record.destinationNamespace === '' ? {} : { group: name(record.destinationNamespace) }),
    class: name(record.detector),
  }
}

/** Of one incident all facts, of several a line each. */
function detailsOf(news: readonly News[], others: number, max: number): Record<string, string | string[]> {
  const [first] = news
  if (first !== undefined && news.length === 1 && others === 0) {
    const facts = factsOf(first, max).map(({ label, text }) => [label, text])
    const { severity, id } = first.record
    return { Severity: severity, ...Object.fromEntries(facts), Incident: id, SQL: sqlOf(first) }
  }
  return {
    Incidents: news.map(
      ({ reason: why, record }) => `${record.severity}, ${why}: ${plain(record.summary, max)} (${record.id})`,
    ),
    ...(others > 0 ? { More: String(others) } : {}),
  }
}

function linksTo(news: readonly News[], consoleUrl: string | undefined): Link[] {
  const all = news.flatMap(({ record }) => linksOf(record, parseEvidence(record.evidence).technique, consoleUrl))
  return [...new Map(all.map((link) => [link.href, link])).values()].slice(0, MAX_LINKS)
}

function clientOf(consoleUrl: string | undefined) {
  return { client: 'Eastwatch', ...(consoleUrl === undefined ? {} : { client_url: consoleUrl }) }
}

function stormEvent(notice: SummaryNotice, routingKey: string, consoleUrl: string | undefined) {
  const { worst, bySeverity, byCause, otherCauses, to } = notice.summary
  const at = time(to)
  return {
    routing_key: routingKey,
    event_action: 'trigger',
    dedup_key: STORM_KEY,
    payload: {
      summary: headline(notice, MAX_SUMMARY),
      source: 'service mesh',
      severity: SEVERITY[worst[0]?.severity ?? ''] ?? 'info',
      ...(at === null ? {} : { timestamp: at }),
      class: 'storm',
      custom_details: {
        'By severity': bySeverity,
        'By cause': Object.entries(byCause).map(([cause, count]) => `${count}: ${plain(cause, MAX_NAME)}`),
        'Other causes': otherCauses,
        Worst: worst.map(({ id, severity, summary }) => `${severity}: ${plain(summary, MAX_NAME)} (${id})`),
      },
    },
    ...clientOf(consoleUrl),
  }
}
