import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { alertsBody, createAlertmanager } from '../../../alerts/notify/alertmanager.ts'
import { AlertmanagerConfig } from '../../../alerts/notify/alertmanager-config.ts'
import { findProgram } from '../../harness/debian.ts'
import { eventually, SECOND, startReceiver, T0, type TestReceiver } from '../findings.ts'
import { AROUND, CONSOLE, EACH_KIND, group, many, NOW, news, single, storm } from './notices.ts'
import { type RealAlertmanager, startAlertmanager } from './real-alertmanager.ts'
import { definitionCheck, schemaCheck } from './schemas.ts'

const problems = definitionCheck('alertmanager-api-v2-0.25.0.yaml', 'postableAlerts')
const program = findProgram('prometheus-alertmanager', 'prometheus-alertmanager', 'the proof by a real Alertmanager')
const forever = new AbortController().signal

const TELLING = { seconds: NOW, repeatSeconds: 60, consoleUrl: CONSOLE }
const alertsOf = (...told: Parameters<typeof single>) => JSON.parse(alertsBody(single(...told), TELLING).toString())

describe('alerts for Alertmanager', () => {
  it.each(EACH_KIND)('of %s are what its API takes', (_, notice) => {
    expect(problems(JSON.parse(alertsBody(notice, TELLING).toString()))).toEqual([])
    expect(problems(JSON.parse(alertsBody(notice, { ...TELLING, consoleUrl: undefined }).toString()))).toEqual([])
  })

  it('hold what is needed to act', () => {
    const [alert] = alertsOf('first')
    expect(alert).toEqual({
      labels: {
        alertname: 'denial_spike',
        incident: expect.stringMatching(/^[0-9a-f]{32}$/),
        source: 'cluster.local/ns/shop/sa/cart',
        source_namespace: 'shop',
        destination: 'payment.shop',
        destination_namespace: 'shop',
      },
      annotations: {
        summary: 'cart is denied at payment: 40 of 50 calls in 10 s, expected fewer than 1',
        description: expect.stringContaining(
          'Seen: 40 denials; expected 0.2, from 12,000 samples\nFrom: cluster.local/',
        ),
        severity: 'high',
        reason: 'first',
        sql: "SELECT * FROM eastwatch.calls WHERE outcome = 'denied'",
      },
      startsAt: '2027-01-15T08:00:10.000Z',
      endsAt: '2027-01-15T08:04:40.000Z',
      generatorURL: `${CONSOLE}/incidents/${alert.labels.incident}`,
    })
  })

  it('keep their labels over all the life of an incident', () => {
    const [first] = alertsOf('first')
    const grown = { kinds: ['absolute', 'rate'], sources: [], destinations: [] as string[] }
    for (const reason of ['changed', 'acknowledged', 'repeat', 'resolved'] as const) {
      const later = {
        severity: 'critical',
        cause: 'another',
        sourceIdentity: 'x',
        sourceNamespace: 'y',
        operation: 'GET /',
      }
      const lists = {
        sources: ['cluster.local/ns/shop/sa/cart', 'cluster.local/ns/other/sa/x'],
        destinations: ['payment.shop', 'ledger.bank'],
      }
      const [alert] = alertsOf(
        reason,
        {},
        { ...grown, ...later, ...lists, destinationService: 'ledger.bank', destinationNamespace: 'bank', verdict: 'z' },
      )
      expect(alert.labels).toEqual(first.labels)
    }
  })

  it('last for three repeats while open, and end with the attempt that says so', () => {
    expect(alertsOf('repeat')[0].endsAt).toBe(new Date((NOW + 180) * 1000).toISOString())
    expect(alertsOf('resolved')[0].endsAt).toBe(new Date(NOW * 1000).toISOString())
  })

  it('never end before they start, wherever the clock stands', () => {
    for (const reason of ['first', 'resolved'] as const) {
      const [alert] = JSON.parse(alertsBody(single(reason), { ...TELLING, seconds: NOW - 86_400 }).toString())
      expect(Date.parse(alert.startsAt)).toBeLessThanOrEqual(Date.parse(alert.endsAt))
    }
  })

  it('ask to be told again as often as configured', () => {
    const config = AlertmanagerConfig.parse({
      name: 'am',
      type: 'alertmanager',
      url: 'https://am.example',
      repeatSeconds: 30,
    })
    expect(createAlertmanager(config, AROUND).repeatSeconds).toBe(30)
  })
})

describe.skipIf(program === undefined)('a real Alertmanager', () => {
  let hook: TestReceiver
  let real: RealAlertmanager
  beforeEach(async () => {
    hook = await startReceiver()
    real = await startAlertmanager(program!, hook.url)
  })
  afterEach(async () => {
    await real?.stop()
    await hook?.close()
  })

  const now = () => Math.floor(Date.now() / 1000)
  /** T0 is a day to come; an alert of then would not have begun. */
  const since = (seconds: number) => ({ openedAt: (now() - seconds) * SECOND, updatedAt: (now() - seconds) * SECOND })
  const channel = (changes: object = {}) =>
    createAlertmanager(
      AlertmanagerConfig.parse({
        name: 'am',
        type: 'alertmanager',
        url: `${real.url}/`,
        allowRanges: ['127.0.0.0/8'],
        ...changes,
      }),
      AROUND,
    )

  it('holds an open incident as one alert however often it is told, and lets it go when it is over', async () => {
    const to = channel()
    const opened = since(60)
    for (const reason of ['first', 'repeat', 'changed', 'acknowledged'] as const) {
      await to.send(single(reason, { severity: reason === 'changed' ? 'critical' : 'high' }, opened), now(), forever)
    }
    const held = await real.alerts()
    expect(held.length).toBe(1)
    expect(held[0]).toMatchObject({
      status: { state: 'active' },
      labels: { alertname: 'denial_spike', destination: 'payment.shop' },
    })
    expect(held[0]!.annotations.sql).toBe("SELECT * FROM eastwatch.calls WHERE outcome = 'denied'")
    expect(held[0]!.generatorURL).toBe(`${CONSOLE}/incidents/${held[0]!.labels.incident}`)
    await to.send(single('resolved', {}, opened), now(), forever)
    await eventually(async () => (await real.alerts()).length).toBe(0)
  })

  it('lets go by itself of what it is told no more', async () => {
    // Told for the last time three repeats ago, save two seconds.
    await channel({ repeatSeconds: 10 }).send(single('first', {}, since(60)), now() - 28, forever)
    expect((await real.alerts()).length).toBe(1)
    await eventually(async () => (await real.alerts()).length).toBe(0)
  })

  it('takes a whole group at once, a storm, and one whose times are ahead of the clock', async () => {
    const opened = since(60)
    const fifty = many(50)
    const all = fifty.news.map(({ reason, record }) => ({ reason, record: { ...record, ...opened } }))
    await channel().send({ ...fifty, news: all as unknown as typeof fifty.news }, now(), forever)
    expect((await real.alerts()).length).toBe(50)
    await channel().send(storm(), now(), forever)
    expect((await real.alerts()).length).toBe(51)
    await channel().send(single('first', { fingerprint: 'ahead' }, { openedAt: T0 * 2 }), now(), forever)
  })

  it('says of its own what is wrong, for the dead letter', async () => {
    const nameless = group([news('first', { detector: '' }, { id: '', sources: [], destinations: [] })])
    await expect(channel().send(nameless, now(), forever)).rejects.toMatchObject({
      retriable: false,
      message: expect.stringMatching(/^receiver answered 400: .+/),
    })
  })

  it('sends webhooks that fit the schema by which ours are judged', async () => {
    await channel().send(single('first', {}, since(60)), now(), forever)
    await hook.until((received) => received.length > 0)
    expect(schemaCheck('alertmanager-webhook-4.json')(JSON.parse(hook.received[0]!.body))).toEqual([])
  })
})
