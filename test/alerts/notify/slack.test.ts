import { describe, expect, it } from 'vitest'
import type { Notice } from '../../../alerts/notify/channel.ts'
import { slackMessage } from '../../../alerts/notify/slack.ts'
import { finding } from '../findings.ts'
import { CONSOLE, EACH_KIND, group, many, news, single, storm } from './notices.ts'
import { schemaCheck } from './schemas.ts'

const problems = schemaCheck('slack-message.json')
const texts = (notice: Notice, consoleUrl: string | undefined = CONSOLE) =>
  slackMessage(notice, consoleUrl).blocks.map(({ text }) => text.text)

describe('a message for Slack', () => {
  it.each(EACH_KIND)('of %s is within what an incoming webhook takes', (_, notice) => {
    expect(problems(slackMessage(notice, CONSOLE))).toEqual([])
    expect(problems(slackMessage(notice, undefined))).toEqual([])
  })

  it('says what is needed to act', () => {
    const notice = single('first')
    const { id } = notice.news[0].record
    expect(texts(notice)).toEqual([
      'HIGH: cart is denied at payment: 40 of 50 calls in 10 s, expected fewer than 1',
      [
        'Found by: denial_spike (rate), open since 2027-01-15 08:00:10 UTC',
        'Seen: 40 denials; expected 0.2, from 12,000 samples',
        'From: cluster.local/ns/shop/sa/cart',
        'To: payment.shop',
        'Verdict: shop/deny-cart rule 0',
        'Example: 2027-01-15 08:00:10 UTC from 10.0.0.7 POST /pay request id req-1 trace id 0af7651916cd43dd8448eb211c80319c',
        'ATT&amp;CK: T1110',
      ].join('\n'),
      "```\nSELECT * FROM eastwatch.calls WHERE outcome = 'denied'\n```",
      `<${CONSOLE}/incidents/${id}|Incident in Eastwatch>  <https://attack.mitre.org/techniques/T1110/|ATT&amp;CK T1110>`,
    ])
    expect(slackMessage(notice, CONSOLE)).toMatchObject({ link_names: false, unfurl_links: false, unfurl_media: false })
  })

  it.each([
    ['changed', 'HIGH: Changed: cart is denied'],
    ['acknowledged', 'HIGH: Acknowledged by ada: cart is denied'],
    ['repeat', 'HIGH: Still open: cart is denied'],
    ['resolved', 'HIGH: Resolved: cart is denied'],
  ] as const)('%s begins with it', (reason, beginning) => {
    expect(slackMessage(single(reason), CONSOLE).text.startsWith(beginning)).toBe(true)
  })

  it('says of one that came again that it did', () => {
    expect(slackMessage(single('first', {}, { reopened: 1 }), CONSOLE).text).toMatch(/^HIGH: Again: cart/)
  })

  it('of a group shows the ten most severe and counts the others', () => {
    const told = texts({ ...many(50), others: 7, open: 57 })
    expect(told[0]).toMatch(/^HIGH: 57 incidents \(50 new, 7 more\): cart is denied/)
    expect(told[1]!.split('\n').length).toBe(10)
    expect(told[2]).toBe('And 47 more. Still open: 57.')
    expect(told[3]).toContain('|Incident 10>')
    const over = texts(group([news('resolved'), news('resolved', { fingerprint: 'f2' })]))
    expect(over[2]).toBe('Nothing of it is open any more.')
  })

  it('of a storm shows the worst', () => {
    const told = texts(storm())
    expect(told[0]).toBe('CRITICAL: 120 changes of incidents in one message, because too many were waiting')
    expect(told[1]).toMatch(/^critical: cart is denied/)
  })

  it('a long sentence stands in full below its header', () => {
    const summary = `${'long '.repeat(100)}end`
    const [header, whole] = texts(single('first', { summary }))
    expect(header!.length).toBeLessThanOrEqual(150)
    expect(header!.endsWith('…')).toBe(true)
    expect(whole).toBe(`HIGH: ${summary}`)
  })

  it.each([
    ['would end its block', "SELECT '```'"],
    ['does not read as it runs', "SELECT '\u202egnp'"],
    ['has no room', `SELECT '${'x'.repeat(3_000)}'`],
    ['is none', ''],
  ])('shows no SQL that %s', (_, sql) => {
    const { evidence } = finding(10)
    expect(texts(single('first', { evidence: { ...evidence, sql } })).some((text) => text.includes('```'))).toBe(false)
  })

  it('shows SQL so that it is copied as it runs', () => {
    const { evidence } = finding(10)
    const sql = "SELECT `end`\nFROM eastwatch.calls\nWHERE a < 1 AND b > 2 AND c = '&lt;'"
    const code = texts(single('first', { evidence: { ...evidence, sql } })).find((text) => text.startsWith('```'))!
    // The three escapes are all that Slack undoes.
    const shown = code.slice(4, -4).replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
    expect(shown).toBe(sql)
  })
})
