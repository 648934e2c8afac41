/**
 * Channel `alertmanager`: POST /api/v2/alerts. Alertmanager forgets an alert at its `endsAt`, so an open incident is told again and again,
 * each time for a while longer; one that is over ends now. Grouping, silences and routes beyond ours are Alertmanager's own.
 */
import { annotationsOf, rfc3339, stableLabels } from './alertmanager-alert.ts'
import type { AlertmanagerConfig } from './alertmanager-config.ts'
import type { Channel, ChannelContext, News, Notice, SummaryNotice } from './channel.ts'
import { authorizationOf } from './credentials.ts'
import { type Cut, fitted } from './fitted.ts'
import { headline } from './headline.ts'
import { consoleLink } from './links.ts'
import { jsonText } from './plain.ts'
import { post } from './post.ts'

/** It has no limit of its own; fifty incidents cut to the least always fit. */
const MAX_BODY_BYTES = 1024 * 1024
/** Repeats that may be missed before an alert ends. */
const LIVES = 3
const STORM_SECONDS = 15 * 60
const MAX_SUMMARY = 1_000

export function createAlertmanager(config: AlertmanagerConfig, { consoleUrl }: ChannelContext): Channel {
  const { repeatSeconds } = config
  const url = `${config.url.replace(/\/+$/, '')}/api/v2/alerts`
  const endpoint = { ...config, url, ...authorizationOf(config) }
  return {
    repeatSeconds,
    async send(notice, seconds, signal) {
      const body = alertsBody(notice, { seconds, repeatSeconds, consoleUrl })
      await post(endpoint, { id: notice.id, body, seconds, reason: (text) => text }, signal)
    },
  }
}

export interface Telling {
  /** Since the epoch. */
  seconds: number
  repeatSeconds: number
  consoleUrl: string | undefined
}

/** The alerts of a notice, as JSON. */
export function alertsBody(notice: Notice, telling: Telling): Buffer {
  if (notice.type === 'summary') return Buffer.from(jsonText([stormAlert(notice, telling)]))
  return fitted(MAX_BODY_BYTES, notice, (news, _others, cut) => news.map((one) => alertOf(one, cut, telling)))
}

function alertOf(news: News, cut: Cut, { seconds, repeatSeconds, consoleUrl }: Telling) {
  const { record } = news
  const ends = record.status === 'open' ? seconds + LIVES * repeatSeconds : seconds
  const link = consoleLink(record, consoleUrl)
  return {
    labels: stableLabels(record),
    annotations: annotationsOf(news, cut),
    // The log's time may be ahead of the clock; an alert that ends before it starts would be refused.
    startsAt: rfc3339(Math.min(record.openedAt, ends * 1_000_000)),
    endsAt: rfc3339(ends * 1_000_000),
    ...(link === undefined ? {} : { generatorURL: link }),
  }
}

/** One alert for all storms; nobody says when one is over, so it ends by itself. */
function stormAlert(notice: SummaryNotice, { seconds, consoleUrl }: Telling) {
  const { worst } = notice.summary
  return {
    labels: { alertname: 'eastwatch_storm' },
    annotations: { summary: headline(notice, MAX_SUMMARY), severity: worst[0]?.severity ?? 'info' },
    startsAt: rfc3339(seconds * 1_000_000),
    endsAt: rfc3339((seconds + STORM_SECONDS) * 1_000_000),
    ...(consoleUrl === undefined ? {} : { generatorURL: consoleUrl }),
  }
}
