/** Each receiver that is posted to, by the rules of its service, against servers that this test starts. */
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Channel } from '../../../alerts/notify/channel.ts'
import { ReceiverConfig } from '../../../alerts/notify/config.ts'
import { createChannel } from '../../../alerts/notify/registry.ts'
import type { PipelineError } from '../../../core/errors.ts'
import { listenOn } from '../../../core/listen.ts'
import { type Received, SECRET, startReceiver, type TestReceiver } from '../findings.ts'
import { AROUND, EACH_KIND, NOW, single } from './notices.ts'

const ROUTING_KEY = 'R0123456789abcdef0123456789ABCDE'
const TOKEN = 'token-that-nobody-may-see'
const PASSWORD = 'password"that nobody/may:see'
const SLACK_PATH = '/services/T000/B000/path-that-nobody-may-see'
const BASIC = Buffer.from(`eastwatch:${PASSWORD}`).toString('base64')
const SIGNING = SECRET.slice('whsec_'.length)
/** None of them may be in any message. */
const SECRETS = [ROUTING_KEY, TOKEN, PASSWORD, JSON.stringify(PASSWORD), SLACK_PATH, BASIC, SIGNING]

const forever = new AbortController().signal
const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

interface Service {
  /** What it is configured by, at this address. */
  config: (url: string) => object
  path: string
  /** How it says that it took a message. */
  taken: { status: number; body: string }
  /** Pause after a 429 that names none. */
  busyMs?: number
  /** What only it and we know. */
  secrets: readonly string[]
}

const LOCAL = { allowRanges: ['127.0.0.0/8'], timeoutMs: 1_000 }
const SERVICES: Readonly<Record<string, Service>> = {
  webhook: {
    config: (url) => ({ type: 'webhook', url, secret: SECRET }),
    secrets: [SECRET],
    path: '/',
    taken: { status: 204, body: '' },
  },
  pagerduty: {
    config: (url) => ({ type: 'pagerduty', url: `${url}v2/enqueue`, routingKey: ROUTING_KEY }),
    secrets: [ROUTING_KEY],
    path: '/v2/enqueue',
    taken: { status: 202, body: '{"status":"success","message":"Event processed","dedup_key":"k"}' },
    busyMs: 120_000,
  },
  slack: {
    config: (url) => ({ type: 'slack', webhookUrl: `${url}${SLACK_PATH.slice(1)}` }),
    secrets: [SLACK_PATH],
    path: SLACK_PATH,
    taken: { status: 200, body: 'ok' },
  },
  alertmanager: {
    config: (url) => ({ type: 'alertmanager', url, basicAuth: { username: 'eastwatch', password: PASSWORD } }),
    secrets: [BASIC, PASSWORD],
    path: '/api/v2/alerts',
    taken: { status: 200, body: '' },
  },
  alertmanager_webhook: {
    config: (url) => ({ type: 'alertmanager_webhook', url, bearerToken: TOKEN }),
    secrets: [TOKEN],
    path: '/',
    taken: { status: 200, body: '' },
  },
  ocsf: {
    config: (url) => ({ type: 'ocsf', url, bearerToken: TOKEN, secret: SECRET }),
    secrets: [TOKEN, SECRET],
    path: '/',
    taken: { status: 200, body: '{"text":"Success","code":0}' },
  },
}

function channel({ config }: Service, url: string): Channel {
  return createChannel(ReceiverConfig.parse({ name: 'oncall', ...LOCAL, ...config(url) }), AROUND)
}

async function started(): Promise<{ hook: TestReceiver; url: string }> {
  const hook = await startReceiver()
  stops.push(() => hook.close())
  return { hook, url: `http://127.0.0.1:${hook.port}/` }
}

const answer = (status: number, body = '', headers: Record<string, string> = {}) => {
  return (response: Parameters<NonNullable<TestReceiver['answer']>>[0]) => response.writeHead(status, headers).end(body)
}

async function failure(work: Promise<unknown>): Promise<PipelineError> {
  const error = await work.then(
    () => undefined,
    (error: PipelineError) => error,
  )
  expect(error).toBeDefined()
  for (const secret of SECRETS) expect(`${error!.message}${error!.stack}`).not.toContain(secret)
  return error!
}

describe.each(Object.entries(SERVICES))('%s', (name, service) => {
  const send = (url: string, notice = single('first')) => channel(service, url).send(notice, NOW, forever)

  it('takes a notice of each kind in one request', async () => {
    const { hook, url } = await started()
    hook.answer = answer(service.taken.status, service.taken.body)
    for (const [, notice] of EACH_KIND) await channel(service, url).send(notice, NOW, forever)
    expect(hook.received.length).toBe(EACH_KIND.length)
    expect(new Set(hook.received.map(({ path }) => path))).toEqual(new Set([service.path]))
    expect(new Set(hook.received.map(({ headers }) => headers['content-type']))).toEqual(new Set(['application/json']))
  })

  it.each([
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [410, false],
    [413, false],
    [302, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ])('%i: another attempt is worth it: %s', async (status, retriable) => {
    const { hook, url } = await started()
    hook.answer = answer(status, 'because', { location: url })
    const error = await failure(send(url))
    expect(error).toMatchObject({ code: 'delivery_failed', retriable })
    expect(error.message).toContain(`receiver answered ${status}`)
    expect(hook.received.length).toBe(1)
  })

  it('429 is heeded', async () => {
    const { hook, url } = await started()
    hook.answer = answer(429, '', { 'retry-after': '30' })
    expect((await failure(send(url))).retryAfterMs).toBe(30_000)
    hook.answer = answer(429)
    expect((await failure(send(url))).retryAfterMs).toBe(service.busyMs)
  })

  it('is tried again where it is closed, silent or breaks off', async () => {
    const { hook, url } = await started()
    hook.answer = () => {}
    expect(await failure(send(url))).toMatchObject({ retriable: true, message: 'no complete answer within 1000 ms' })
    hook.answer = (response) => response.socket?.destroy()
    expect(await failure(send(url))).toMatchObject({ retriable: true })
    const closed = createServer()
    const port = await listenOn(closed, '127.0.0.1:0', 'nobody')
    closed.close()
    expect(await failure(send(`http://127.0.0.1:${port}/`))).toMatchObject({ retriable: true })
  })

  it('tells no secret that it is told, not even where the receiver repeats all of it', async () => {
    const { hook, url } = await started()
    const said = ({ headers, body, path }: Received) =>
      `${service.secrets.join(' ')} ${path} ${headers.authorization} ${JSON.stringify(service.secrets)} ${body}`
    for (const status of [400, 500, 200]) {
      hook.answer = (response, received) => response.writeHead(status).end(said(received))
      if (status !== 200 || name === 'pagerduty' || name === 'slack') await failure(send(url))
    }
    hook.answer = (response, received) => {
      response.writeHead(400).end(JSON.stringify({ message: said(received), errors: [...service.secrets] }))
    }
    await failure(send(url))
  })

  it('is not where its address may not be', async () => {
    const config = { name: 'oncall', ...service.config('http://127.0.0.1:9/') }
    const { error } = ReceiverConfig.safeParse(config)
    expect(error?.issues[0]?.message).toMatch(/127\.0\.0\.1 is not public/)
    for (const secret of SECRETS) expect(JSON.stringify(error)).not.toContain(secret)
  })
})

describe('who sends', () => {
  it('is proved as configured', async () => {
    const { hook, url } = await started()
    const seen: Record<string, unknown> = {}
    for (const [name, service] of Object.entries(SERVICES)) {
      hook.answer = answer(service.taken.status, service.taken.body)
      await channel(service, url).send(single('first'), NOW, forever)
      const { headers } = hook.received.at(-1)!
      seen[name] = [headers.authorization, headers['webhook-signature'] !== undefined]
    }
    expect(seen).toEqual({
      webhook: [undefined, true],
      pagerduty: [undefined, false],
      slack: [undefined, false],
      alertmanager: [`Basic ${BASIC}`, false],
      alertmanager_webhook: [`Bearer ${TOKEN}`, false],
      ocsf: [`Bearer ${TOKEN}`, true],
    })
  })
})

describe('the words of a service', () => {
  it.each([
    [
      'pagerduty',
      400,
      '{"status":"invalid event","message":"Event object is invalid","errors":["Length of \'routing_key\' is incorrect"]}',
      "receiver answered 400: Event object is invalid; Length of 'routing_key' is incorrect",
    ],
    ['slack', 404, 'no_service', 'receiver answered 404: no_service'],
    [
      'alertmanager',
      400,
      '"start time must be before end time"',
      'receiver answered 400: "start time must be before end time"',
    ],
  ])('%s %i are told with the dead letter', async (name, status, body, message) => {
    const { hook, url } = await started()
    hook.answer = answer(status, body)
    expect(await failure(channel(SERVICES[name]!, url).send(single('first'), NOW, forever))).toMatchObject({
      retriable: false,
      message,
    })
  })

  it.each(['pagerduty', 'slack'])('%s: a page that is not its own, with 200, is no message taken', async (name) => {
    const { hook, url } = await started()
    for (const body of ['<html>Please log in</html>', '', 'null', '[]', '{"status":"queued"}']) {
      hook.answer = answer(200, body)
      expect(await failure(channel(SERVICES[name]!, url).send(single('first'), NOW, forever))).toMatchObject({
        retriable: true,
        message: expect.stringMatching(/^answered, but not as (PagerDuty|Slack) does: 200/),
      })
    }
  })
})
