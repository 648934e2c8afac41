/**
 * Channel `slack`: an incoming webhook. What telemetry chose stands in objects of plain text alone, where no mark-up is read, and with the three
 * characters escaped that Slack gives a meaning: it can mention nobody, link nowhere and format nothing. The SQL is the one exception, in
 * a block of code, shown as it runs or not at all. Taken is what is answered with `ok`.
 * https://docs.slack.dev/messaging/formatting-message-text, https://docs.slack.dev/reference/block-kit/blocks
 */
import { harmlessLines } from '../../core/harmless.ts'
import { parseEvidence } from '../evidence.ts'
import type { Channel, ChannelContext, GroupNotice, News, Notice, SummaryNotice } from './channel.ts'
import { factsOf, sqlOf } from './facts.ts'
import { headline } from './headline.ts'
import { type Link, linksOf } from './links.ts'
import { jsonText, plain } from './plain.ts'
import { notItsAnswer, post } from './post.ts'
import type { SlackConfig } from './slack-config.ts'

/** Characters of a text object and of a header's, as they are sent. */
const MAX_TEXT = 3_000
const MAX_HEADER = 150
const MAX_FACT = 300
/** Incidents of a group that are shown; the others are counted. */
const MAX_SHOWN = 10

const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

export function createSlack({ webhookUrl, ...config }: SlackConfig, { consoleUrl }: ChannelContext): Channel {
  // What follows the host is what makes the address a secret.
  const { pathname, search } = new URL(webhookUrl)
  const endpoint = {
    ...config,
    url: webhookUrl,
    hidden: [webhookUrl, pathname, search].filter((part) => part.length > 1),
  }
  return {
    async send(notice, seconds, signal) {
      const body = Buffer.from(jsonText(slackMessage(notice, consoleUrl)))
      const answer = await post(endpoint, { id: notice.id, body, seconds, reason: (said) => said }, signal)
      if (answer.text.trim() !== 'ok') throw notItsAnswer('Slack', answer, endpoint)
    },
  }
}

export function slackMessage(notice: Notice, consoleUrl: string | undefined) {
  const title = `${severityOf(notice).toUpperCase()}: ${headline(notice, MAX_TEXT)}`
  const [header, whole] = [escaped(title, MAX_HEADER), escaped(title, MAX_TEXT)]
  return {
    // What a phone shows before the message is opened. Here alone an address could become a link by itself.
    text: escaped(title.replaceAll('://', ': //'), MAX_TEXT),
    blocks: [
      { type: 'header', text: plainText(header) },
      ...(header === whole ? [] : [section(whole)]),
      ...(notice.type === 'summary' ? summaryBlocks(notice) : groupBlocks(notice, consoleUrl)),
    ],
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
  }
}

function severityOf(notice: Notice): string {
  return notice.type === 'summary' ? (notice.summary.worst[0]?.severity ?? 'info') : notice.news[0].record.severity
}

function groupBlocks(notice: GroupNotice, consoleUrl: string | undefined) {
  const { news, others, open } = notice
  const [first] = news
  if (news.length === 1 && others === 0) return incidentBlocks(first, consoleUrl)
  const shown = news.slice(0, MAX_SHOWN)
  const more = news.length - shown.length + others
  const state = open === 0 ? 'Nothing of it is open any more.' : `Still open: ${open}.`
  return [
    section(lines(shown.map(lineOf))),
    section(escaped([...(more > 0 ? [`And ${more} more.`] : []), state].join(' '), MAX_TEXT)),
    ...linkBlock(linksTo(shown, consoleUrl)),
  ]
}

function incidentBlocks(news: News, consoleUrl: string | undefined) {
  const facts = factsOf(news, MAX_FACT).map(({ label, text }) => `${label}: ${text}`)
  return [section(lines(facts)), ...codeBlock(sqlOf(news)), ...linkBlock(linksTo([news], consoleUrl))]
}

function summaryBlocks({ summary }: SummaryNotice) {
  const worst = summary.worst.slice(0, MAX_SHOWN).map((one) => `${one.severity}: ${plain(one.summary, MAX_FACT)}`)
  return worst.length === 0 ? [] : [section(lines(worst))]
}

const lineOf = ({ reason, record }: News): string => `${record.severity}, ${reason}: ${plain(record.summary, MAX_FACT)}`

/** Of several incidents only their own pages: a technique would not say which one it belongs to. */
function linksTo(news: readonly News[], consoleUrl: string | undefined): Link[] {
  const [first] = news
  if (first === undefined) return []
  const { technique } = parseEvidence(first.record.evidence)
  if (news.length === 1) return linksOf(first.record, technique, consoleUrl)
  return news.flatMap(({ record }, at) =>
    linksOf(record, '', consoleUrl).map(({ href }) => ({ text: `Incident ${at + 1}`, href })),
  )
}

const plainText = (text: string) => ({ type: 'plain_text', text, emoji: false })
const section = (text: string) => ({ type: 'section', text: plainText(text) })
/** `verbatim`: nothing in it becomes a link by itself. */
const markup = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } })

function linkBlock(links: readonly Link[]) {
  const text = links.map(({ text, href }) => `<${escaped(href.replaceAll('|', '%7C'), MAX_TEXT)}|${escaped(text, 99)}>`)
  return links.length === 0 ? [] : [markup(text.join('  '))]
}

/** Nothing where it could not be shown as it is: a statement that was changed would ask another question. */
function codeBlock(sql: string) {
  const text = `\`\`\`\n${escaped(sql, Number.MAX_SAFE_INTEGER)}\n\`\`\``
  const isShownAsItIs = !sql.includes('```') && harmlessLines(sql) === sql && !/\p{Cs}/u.test(sql)
  const isShown = sql !== '' && text.length <= MAX_TEXT && isShownAsItIs
  return isShown ? [markup(text)] : []
}

/** Each on a line of its own, as many as find room. */
function lines(texts: readonly string[]): string {
  return escaped(texts.join('\n'), MAX_TEXT)
}

/** At most `max` characters as sent; never cut within an escape or a character. */
function escaped(text: string, max: number): string {
  const whole = text.replace(/[&<>]/g, (character) => NAMED[character]!)
  if (whole.length <= max) return whole
  let sent = ''
  for (const character of text) {
    const next = NAMED[character] ?? character
    if (sent.length + next.length >= max) break
    sent += next
  }
  return `${sent}…`
}
