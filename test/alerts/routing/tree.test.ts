import { describe, expect, it } from 'vitest'
import { AlertsConfig } from '../../../alerts/config.ts'
import { labelsOf } from '../../../alerts/labels.ts'
import { groupOf, isMuted, Router } from '../../../alerts/routing/tree.ts'
import { HOUR, SECOND } from '../../../core/clock.ts'
import type { IncidentRecord } from '../../../storage/incident-records.ts'
import { SECRET } from '../findings.ts'
import { record } from '../records.ts'

const RECEIVERS = ['all', 'pager', 'shop'].map((name) => ({
  name,
  type: 'webhook',
  url: 'https://hooks.example.com/',
  secret: SECRET,
}))

function parse(changes: object) {
  return AlertsConfig.parse({ receivers: RECEIVERS, ...changes })
}

function router(route: object, timeIntervals: object[] = []): Router {
  const config = parse({ route, timeIntervals })
  return new Router(
    config.route,
    config.receivers.map(({ name }) => name),
    config.timeIntervals,
  )
}

const where = (tree: Router, changes: Partial<IncidentRecord>) =>
  tree.destinations(labelsOf(record(changes))).map(({ receiver, route }) => `${receiver} by ${route}`)

describe('the tree of routes', () => {
  it('leads to everybody by default', () => {
    expect(where(router({}), {})).toEqual(['all by route', 'pager by route', 'shop by route'])
  })

  it('takes the first route that matches, as deep as it goes, else itself', () => {
    const tree = router({
      receivers: ['all'],
      routes: [
        {
          match: ['destination_namespace="shop"'],
          receivers: ['shop'],
          routes: [{ match: ['severity="critical"'], receivers: ['pager', 'shop'] }],
        },
        { match: ['severity="critical"'], receivers: ['pager'] },
      ],
    })
    expect(where(tree, {})).toEqual(['shop by route.routes[0]'])
    expect(where(tree, { severity: 'critical' })).toEqual([
      'pager by route.routes[0].routes[0]',
      'shop by route.routes[0].routes[0]',
    ])
    const elsewhere = { destinations: ['ledger.bank'], destinationNamespace: 'bank' }
    expect(where(tree, elsewhere)).toEqual(['all by route'])
    expect(where(tree, { ...elsewhere, severity: 'critical' })).toEqual(['pager by route.routes[1]'])
  })

  it('goes on after a route that says so, and tells each receiver once', () => {
    const tree = router({
      receivers: [],
      routes: [
        { match: ['severity=~".*"'], receivers: ['all'], continue: true },
        { match: ['detector="denial_spike"'], receivers: ['pager', 'all'] },
        { receivers: ['shop'] },
      ],
    })
    expect(where(tree, {})).toEqual(['all by route.routes[0]', 'pager by route.routes[1]'])
    expect(where(tree, { detector: 'tls_failure' })).toEqual(['all by route.routes[0]', 'shop by route.routes[2]'])
  })

  it('has from above what a route leaves out', () => {
    const tree = router({
      groupBy: ['destination'],
      groupWaitSeconds: 3,
      repeatHours: 0,
      routes: [{ groupIntervalSeconds: 9, routes: [{ receivers: ['all'], groupWaitSeconds: 1 }] }],
    })
    const [{ options } = { options: undefined }] = tree.destinations(labelsOf(record()))
    expect(options).toMatchObject({
      groupBy: ['destination'],
      waitUs: SECOND,
      intervalUs: 9 * SECOND,
      repeatUs: 0,
    })
    const [plain] = router({}).destinations(labelsOf(record()))
    expect(plain?.options).toMatchObject({ groupBy: ['cause'], waitUs: SECOND / 2, repeatUs: 12 * HOUR })
  })

  it('groups alike what is alike in the labels of the group, by receiver and route', () => {
    const [destination] = router({ groupBy: ['destination', 'kind'] }).destinations(labelsOf(record()))
    const group = (changes: Partial<IncidentRecord>) => groupOf(destination!, labelsOf(record(changes)))
    expect(group({}).labels).toEqual({ destination: 'payment.shop', kind: 'rate' })
    expect(group({ kinds: ['scan', 'rate'] }).labels).toEqual({ destination: 'payment.shop', kind: 'rate, scan' })
    expect(group({ severity: 'critical' }).key).toBe(group({}).key)
    expect(group({ destinations: ['other.shop'] }).key).not.toBe(group({}).key)
    expect(groupOf({ ...destination!, receiver: 'pager' }, labelsOf(record())).key).not.toBe(group({}).key)
    expect(group({}).key).toMatch(/^[0-9a-f]{32}$/)
  })

  it('is mute in an interval, or outside of one', () => {
    const night = { name: 'night', from: '22:00', until: '06:00' }
    const options = (own: object) => router(own, [night]).destinations(labelsOf(record()))[0]!.options
    const [dark, light] = ['2026-11-27T23:00:00Z', '2026-11-27T12:00:00Z'].map((text) => Date.parse(text) * 1000)
    expect(isMuted(options({ muteDuring: ['night'] }), dark!)).toBe(true)
    expect(isMuted(options({ muteDuring: ['night'] }), light!)).toBe(false)
    expect(isMuted(options({ activeDuring: ['night'] }), dark!)).toBe(false)
    expect(isMuted(options({ activeDuring: ['night'] }), light!)).toBe(true)
    expect(isMuted(options({}), dark!)).toBe(false)
  })

  const deep = (depth: number): object => (depth === 0 ? {} : { routes: [deep(depth - 1)] })
  it.each([
    [{ receivers: ['nobody'] }, 'no receiver has the name'],
    [{ routes: [{ routes: [{ muteDuring: ['never'] }] }] }, 'no time interval has the name'],
    [{ routes: [{ match: ['severity'] }] }, 'is no matcher'],
    [{ match: ['severity="high"'] }, 'Unrecognized key'],
    [{ groupBy: ['colour'] }, 'Invalid option'],
    [
      { routes: Array.from({ length: 5 }, () => ({ routes: Array.from({ length: 60 }, () => ({})) })) },
      'more than 256',
    ],
    [deep(9), 'nested deeper than 8'],
  ])('%j is refused', (route, why) => {
    expect(() => parse({ route })).toThrow(why)
  })
})
