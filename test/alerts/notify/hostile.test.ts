/** What hostile telemetry does to each receiver: nothing. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { alertsBody } from '../../../alerts/notify/alertmanager.ts'
import { webhookBody } from '../../../alerts/notify/alertmanager-webhook.ts'
import type { GroupNotice, Notice } from '../../../alerts/notify/channel.ts'
import { MAX_BODY_BYTES, messageBody } from '../../../alerts/notify/message.ts'
import { findingsBody } from '../../../alerts/notify/ocsf.ts'
import { eventBody } from '../../../alerts/notify/pagerduty.ts'
import { jsonText, plain } from '../../../alerts/notify/plain.ts'
import { slackMessage } from '../../../alerts/notify/slack.ts'
import { fold, NO_STORM } from '../../../alerts/storm.ts'
import { HOSTILE, hostileArguments, hostileNotice, hostileText } from './hostile.ts'
import { AROUND, CONSOLE, NOW, news } from './notices.ts'
import { type Check, definitionCheck, schemaCheck } from './schemas.ts'

const ROUTING_KEY = 'R0123456789abcdef0123456789ABCDE'
const RUNS = { numRuns: 60 }
/** A test that finds something may take its time to make it small. */
const TIME_MS = 120_000
const INVISIBLE = /[\p{Cc}\p{Cf}\u2028\u2029]/u
const LONE = /\p{Cs}/u

interface Posted {
  body: (notice: Notice) => Buffer
  maxBytes: number
  problems: Check
}

const each =
  (check: Check): Check =>
  (payload) =>
    (payload as unknown[]).flatMap(check)

const POSTED: Readonly<Record<string, Posted>> = {
  webhook: { body: (notice) => messageBody(notice, CONSOLE), maxBytes: MAX_BODY_BYTES, problems: () => [] },
  pagerduty: {
    body: (notice) => eventBody(notice, ROUTING_KEY, CONSOLE),
    maxBytes: 512_000,
    problems: schemaCheck('pagerduty-event.json'),
  },
  slack: {
    body: (notice) => Buffer.from(jsonText(slackMessage(notice, CONSOLE))),
    maxBytes: 128 * 1024,
    problems: schemaCheck('slack-message.json'),
  },
  alertmanager: {
    body: (notice) => alertsBody(notice, { seconds: NOW, repeatSeconds: 60, consoleUrl: CONSOLE }),
    maxBytes: 1024 * 1024,
    problems: definitionCheck('alertmanager-api-v2-0.25.0.yaml', 'postableAlerts'),
  },
  alertmanager_webhook: {
    body: (notice) => webhookBody(notice, 'oncall', CONSOLE),
    maxBytes: 512 * 1024,
    problems: schemaCheck('alertmanager-webhook-4.json'),
  },
  ocsf: {
    body: (notice) => findingsBody(notice, AROUND),
    maxBytes: 512 * 1024,
    problems: each(schemaCheck('ocsf-detection-finding-1.8.0.json')),
  },
}

describe.each(Object.entries(POSTED))('hostile telemetry in %s', (_, { body, maxBytes, problems }) => {
  it(
    'stays within its size, its schema and plain characters',
    () =>
      fc.assert(
        fc.property(hostileArguments, (of) => {
          const notice = hostileNotice(...of)
          // Told as news of a kind that has a payload with each receiver.
          const told = { ...notice, open: 2 }
          const bytes = body(told)
          expect(bytes.length).toBeLessThanOrEqual(maxBytes)
          expect(bytes.toString()).not.toMatch(INVISIBLE)
          expect(problems(JSON.parse(bytes.toString()))).toEqual([])
        }),
        RUNS,
      ),
    TIME_MS,
  )
})

describe.each(Object.entries(POSTED))('a storm of hostile telemetry in %s', (_, { body, maxBytes, problems }) => {
  it.each(['\u0000', '€', '\u{e0001}', '"', '\ud800', '<&>', '🙂'])('of %j stays within the same', (character) => {
    const text = character.repeat(2_000)
    const changes = Array.from({ length: 40 }, (_, at) => ({
      summary: text,
      cause: `${at}${text}`,
      fingerprint: `f${at}`,
    }))
    const summary = changes.reduce((before, change) => fold(before, news('first', change).record), NO_STORM)
    const bytes = body({ type: 'summary', id: 'summary.1', summary })
    expect(bytes.length).toBeLessThanOrEqual(maxBytes)
    expect(bytes.toString()).not.toMatch(INVISIBLE)
    expect(problems(JSON.parse(bytes.toString()))).toEqual([])
  })
})

/** Text objects with the kind they are of. */
function slackTexts(notice: GroupNotice) {
  const { text, blocks } = slackMessage(notice, CONSOLE)
  return [{ type: 'mrkdwn', text, verbatim: true }, ...blocks.map((block) => block.text)]
}

describe('hostile telemetry in Slack', () => {
  const OURS =
    /<https:\/\/(eastwatch\.example\.com\/incidents\/[0-9a-f]{32}|attack\.mitre\.org\/techniques\/T[\d/]+)\|[\w &;.]+>/g

  it(
    'mentions nobody and links nowhere: what is no link of ours holds no character that Slack reads',
    () =>
      fc.assert(
        fc.property(hostileArguments, (of) => {
          const notice = hostileNotice(...of)
          for (const { text } of slackTexts(notice)) {
            expect(text.replace(OURS, '')).not.toMatch(/[<>]/)
            expect(text.replace(/&(amp|lt|gt);/g, '')).not.toContain('&')
            expect(text.replaceAll('\n', '')).not.toMatch(INVISIBLE)
            expect(text).not.toMatch(LONE)
          }
        }),
        RUNS,
      ),
    TIME_MS,
  )

  it(
    'formats nothing and becomes no link by itself: it stands in plain text, or as SQL in one block of code',
    () =>
      fc.assert(
        fc.property(hostileArguments, (of) => {
          const notice = hostileNotice(...of)
          for (const { type, text, ...rest } of slackMessage(notice, CONSOLE).blocks.map((block) => block.text)) {
            expect(rest).toEqual(type === 'plain_text' ? { emoji: false } : { verbatim: true })
            if (type === 'plain_text') continue
            const code = /^```\n(.*)\n```$/s.exec(text)
            if (code === null) expect(text.replace(OURS, '').trim()).toBe('')
            else expect(code[1]).not.toContain('```')
          }
        }),
        RUNS,
      ),
    TIME_MS,
  )

  it('does so for each of the tricks that are known', () => {
    for (const text of HOSTILE) {
      const told = slackTexts(hostileNotice([text], 1))
      expect(told.map((one) => one.text).join('\n')).not.toMatch(/<[!@#]|<https?:\/\/evil/)
      expect(told[0]!.text).not.toContain('://')
    }
  })
})

describe('the SQL of an incident', () => {
  it('comes as it is, to whoever reads it as JSON', () => {
    for (const text of HOSTILE) {
      const notice = { ...hostileNotice([text], 1), open: 2 }
      const { sql } = JSON.parse(notice.news[0].record.evidence)
      expect(sql).toContain('SELECT')
      const read = (name: string) => JSON.parse(POSTED[name]!.body(notice).toString())
      expect(read('webhook').sql).toBe(sql)
      expect(read('pagerduty').payload.custom_details.SQL).toBe(sql)
      expect(read('alertmanager')[0].annotations.sql).toBe(sql)
      expect(read('alertmanager_webhook').alerts[0].annotations.sql).toBe(sql)
      expect(read('ocsf')[0].unmapped.sql).toBe(sql)
    }
  })
})

describe('text for people', () => {
  it('is one well-formed line within its bound', () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 1, max: 300 }), (text, max) => {
        const line = plain(text, max)
        expect(line.length).toBeLessThanOrEqual(max)
        expect(line).not.toMatch(INVISIBLE)
        expect(line).not.toMatch(LONE)
      }),
    )
  })

  it('that is harmless stays as it is', () => {
    for (const text of ['cart is denied at payment', 'naïve café', '支付 – оплата', '🙂 {"a": [1]}']) {
      expect(plain(text, 100)).toBe(text)
    }
  })

  it('comes out of YAML as it went in, made plain or not', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        for (const one of [text.slice(0, 500), plain(text, 300)]) {
          const value = { [`k ${one}`]: one, list: [one] }
          expect(parse(stringify(value))).toEqual(value)
        }
      }),
    )
  })
})

describe('JSON', () => {
  it('means the same, and holds nothing that a terminal acts on', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const json = jsonText({ text })
        expect(json).not.toMatch(INVISIBLE)
        expect(JSON.parse(json)).toEqual({ text })
      }),
    )
  })
})
