import { describe, expect, it } from 'vitest'
import { ReceiverConfig } from '../../../alerts/notify/config.ts'
import { ConsoleConfig } from '../../../dashboards/console/config.ts'

const PRIVATE = 'very-private'
const pagerduty = { name: 'x', type: 'pagerduty', routingKey: 'R0123456789abcdef0123456789ABCDE' }
const slack = { name: 'x', type: 'slack', webhookUrl: `https://hooks.slack.com/services/${PRIVATE}` }
const alertmanager = { name: 'x', type: 'alertmanager', url: 'https://alertmanager.example' }
const webhook4 = { name: 'x', type: 'alertmanager_webhook', url: 'https://hook.example' }
const ocsf = { name: 'x', type: 'ocsf', url: 'https://siem.example' }
const basicAuth = { username: 'eastwatch', password: PRIVATE }

describe('the configuration of a receiver', () => {
  it.each([
    pagerduty,
    { ...pagerduty, url: 'https://events.eu.pagerduty.com/v2/enqueue' },
    slack,
    alertmanager,
    { ...alertmanager, basicAuth },
    webhook4,
    { ...webhook4, bearerToken: PRIVATE },
    ocsf,
    { name: 'x', type: 'file', path: 'incidents.jsonl' },
    { name: 'x', type: 'stdout' },
  ])('takes %j', (config) => expect(ReceiverConfig.safeParse(config).error).toBeUndefined())

  it.each([
    [{ ...pagerduty, routingKey: PRIVATE }, ['routingKey'], /is no integration key/],
    [{ ...pagerduty, url: 'http://10.0.0.1/v2/enqueue' }, ['url'], /not public/],
    [{ ...slack, webhookUrl: `ftp://${PRIVATE}` }, ['webhookUrl'], /not an http/],
    [{ ...slack, webhookUrl: `https://me:${PRIVATE}@hooks.slack.com/` }, ['webhookUrl'], /must not hold/],
    [{ ...slack, webhookUrl: `http://169.254.169.254/${PRIVATE}` }, ['webhookUrl'], /not public/],
    [{ ...alertmanager, bearerToken: PRIVATE, basicAuth }, ['basicAuth'], /either bearerToken or basicAuth/],
    [{ ...alertmanager, bearerToken: `${PRIVATE}\r\nx: y` }, ['bearerToken'], /visible ASCII/],
    [{ ...alertmanager, basicAuth: { ...basicAuth, username: 'a:b' } }, ['basicAuth', 'username'], /colon/],
    [{ ...alertmanager, repeatSeconds: 1 }, ['repeatSeconds'], /./],
    [{ ...webhook4, secret: PRIVATE }, ['secret'], /not a signing secret/],
    [{ ...ocsf, url: PRIVATE }, ['url'], /not an http/],
    [{ name: 'x', type: 'stdout', url: 'https://x.example' }, [], /url/],
  ])('refuses %j', (config, path, message) => {
    const { error } = ReceiverConfig.safeParse(config)
    expect(error?.issues[0]).toMatchObject({ path, message: expect.stringMatching(message) })
    expect(JSON.stringify(error)).not.toContain(PRIVATE)
  })

  it('of a kind that there is not names those that there are', () => {
    const { error } = ReceiverConfig.safeParse({ name: 'x', type: 'carrier_pigeon' })
    expect(error?.issues[0]?.path).toEqual(['type'])
  })
})

describe('console.url', () => {
  it.each(['https://eastwatch.example.com', 'http://127.0.0.1:4380/'])('takes %s', (url) => {
    expect(ConsoleConfig.parse({ url }).url).toBe(url)
  })
  it.each(['eastwatch.example.com', 'javascript:alert(1)', 'https://me:pass@x.example'])('refuses %s', (url) => {
    expect(ConsoleConfig.safeParse({ url }).success).toBe(false)
  })
})
