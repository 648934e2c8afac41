/** Pure parts of the page: what is drawn, how it is named, what silences an incident. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { labelsOf } from '../../../alerts/labels.ts'
import { allMatch, parseMatcher } from '../../../alerts/matcher.ts'
import type { MapAnswer, MapPath } from '../../../dashboards/console/data/map.ts'
import { type Counts, statesOf } from '../../../dashboards/console/data/path-state.ts'
import { callerNames } from '../../../dashboards/console/data/service-names.ts'
import { ago, count, cut, identityName, lasted, moment } from '../../../dashboards/console/page/format.ts'
import { drawn, MOST_OPEN } from '../../../dashboards/console/page/map-model.ts'
import { matchersOf } from '../../../dashboards/console/page/matchers.ts'
import { hashOf, placeOf } from '../../../dashboards/console/page/router.ts'
import type { IncidentRecord } from '../../../storage/incident-records.ts'

const PAGE = join(import.meta.dirname, '../../../dashboards/console/page')
const key = (source: string, workload: string, destination: string) => ({
  sourceIdentity: source === '' ? '' : `cluster.local/ns/shop/sa/${source}`,
  sourceNamespace: workload === '' ? '' : 'shop',
  sourceWorkload: workload,
  sourceAddress: source === '' ? '10.0.0.1' : '',
  destinationService: destination,
})

describe('the states of a path', () => {
  const quiet: Counts = {
    requests: 100,
    denied: 0,
    plaintext: 0,
    errors: 0,
    tlsFailures: 0,
    allowed: 100,
    outside: 0,
    isNew: false,
  }
  it.each<[Partial<Counts>, string[]]>([
    [{}, ['authorised']],
    [{ allowed: 0 }, ['undecided']],
    [{ errors: 4 }, ['authorised']],
    [{ errors: 5 }, ['failing', 'authorised']],
    [{ tlsFailures: 1, requests: 0, allowed: 0 }, ['failing', 'undecided']],
    [{ denied: 1, allowed: 0 }, ['denied']],
    [{ outside: 1, denied: 2, plaintext: 3, isNew: true }, ['outside', 'denied', 'plaintext', 'new']],
  ])('%j is %j', (counts, states) => {
    expect(statesOf({ ...quiet, ...counts })).toEqual(states)
  })
})

describe('the name of a caller', () => {
  it('is the service that it is, where that is certain', () => {
    const web = { pair: key('', '', 'web.shop'), destinationIdentities: ['cluster.local/ns/shop/sa/www'] }
    const nameOf = (workload: string, ...others: string[]) => {
      const pairs = [workload, ...others].map((one) => ({ pair: key('www', one, 'x.shop'), destinationIdentities: [] }))
      return callerNames([web, ...pairs])(pairs[0]!.pair)
    }
    expect(nameOf('web')).toBe('web.shop')
    expect(nameOf('www-v1')).toBe('web.shop')
    // Two workloads run as one account: which of them the service is, nobody says.
    expect(nameOf('www-v1', 'batch')).toBe('www-v1.shop')
    expect(callerNames([web])(web.pair)).toBe('10.0.0.1')
  })
})

describe('what of the map is drawn', () => {
  const path = (source: string, destination: string, states: MapPath['states'] = ['authorised']): MapPath => ({
    source,
    destination,
    pair: key(source, '', destination),
    states,
    requests: 10,
    denied: states.includes('denied') ? 3 : 0,
    plaintext: 0,
    errors: 0,
    tlsFailures: 0,
    outside: 0,
    verified: true,
  })
  const answer = (paths: MapPath[]): MapAnswer => {
    const names = [...new Set(paths.flatMap(({ source, destination }) => [source, destination]))]
    const services = names.map((name) => ({ name, namespace: name.split('.')[1] ?? '', received: 0, sent: 0 }))
    return { services, paths, more: false }
  }
  const wanted = { opened: new Set<string>(), hidden: new Set<never>(), search: '' }
  const small = answer([path('a.x', 'b.x'), path('a.x', 'b.x', ['denied']), path('b.x', 'c.y')])
  const large = answer([
    ...Array.from({ length: MOST_OPEN }, (_, at) =>
      path(`s${at}.x`, `s${at + 1}.x`, at === 0 ? ['denied'] : ['authorised']),
    ),
    path('s1.x', 'lone.y'),
    path('10.0.0.1', 's2.x'),
  ])

  it('a few services are all open; paths of the same two are one line with the worst of both', () => {
    const { nodes, edges, isGrouped } = drawn(small, wanted)
    expect([nodes.map(({ name }) => name), isGrouped]).toEqual([['a.x', 'b.x', 'c.y'], false])
    expect(edges[0]).toMatchObject({ states: ['denied', 'authorised'], requests: 20, denied: 3 })
    expect(nodes.map(({ worst }) => worst)).toEqual(['denied', 'denied', 'authorised'])
  })

  it('many services are their namespaces, until one is opened', () => {
    const closed = drawn(large, wanted)
    expect(closed.isGrouped).toBe(true)
    expect(closed.nodes.map(({ name, kind, services }) => [name, kind, services])).toEqual([
      ['x', 'namespace', MOST_OPEN + 1],
      ['lone.y', 'service', 1],
      ['10.0.0.1', 'service', 1],
    ])
    expect(closed.nodes[0]!.worst).toBe('denied')
    expect(drawn(large, { ...wanted, opened: new Set(['x']) }).nodes).toHaveLength(MOST_OPEN + 3)
  })

  it('no path is lost, however it is drawn', () => {
    for (const opened of [new Set<string>(), new Set(['x'])]) {
      const paths = drawn(large, { ...wanted, opened }).edges.flatMap((edge) => edge.paths)
      expect(new Set(paths)).toEqual(new Set(large.paths))
    }
  })

  it('search and states narrow it', () => {
    expect(drawn(small, { ...wanted, search: 'C.Y' }).nodes.map(({ name }) => name)).toEqual(['b.x', 'c.y'])
    expect(drawn(small, { ...wanted, search: 'denied' }).edges).toHaveLength(1)
    expect(drawn(small, { ...wanted, hidden: new Set(['authorised' as const]) }).edges).toMatchObject([
      { states: ['denied'] },
    ])
  })
})

describe('the silence that an incident suggests', () => {
  const incident = (sources: string[], destinations: string[]) => ({
    detector: 'new_path',
    kinds: ['new_pair'],
    severity: 'high',
    cause: 'new_path|"x"|y',
    sources,
    destinations,
    sourceNamespace: '',
    destinationNamespace: '',
    operation: '',
    verdict: '',
  })
  it.each<[string[], string[]]>([
    [['cluster.local/ns/shop/sa/cart'], ['payment.shop']],
    [
      ['a"b\\c', 'x.*|(y'],
      ['p', 'q[1]$'],
    ],
    [[''], ['payment.shop']],
    [Array.from({ length: 40 }, (_, at) => `cluster.local/ns/shop/sa/caller-${at}`), ['p']],
  ])('matches it, and not another: %j %j', (sources, destinations) => {
    const own = incident(sources, destinations)
    const matchers = matchersOf(own).map(parseMatcher)
    const labels = (one: typeof own) => labelsOf(one as unknown as IncidentRecord)
    expect(allMatch(matchers, labels(own))).toBe(true)
    expect(allMatch(matchers, labels({ ...own, detector: 'tls_failure' }))).toBe(false)
    expect(allMatch(matchers, labels({ ...own, destinations: ['other'], cause: 'other' }))).toBe(false)
  })
})

describe('the address', () => {
  it('leads to a place and back', () => {
    const hash = hashOf('pair', { sourceIdentity: 'a/b&c=d#?', destinationService: 'x', sourceAddress: '' })
    const { name, query } = placeOf(hash)
    expect([name, query.get('sourceIdentity'), query.get('destinationService'), query.has('sourceAddress')]).toEqual([
      'pair',
      'a/b&c=d#?',
      'x',
      false,
    ])
    expect(placeOf('')).toMatchObject({ name: 'map' })
    expect(placeOf('#/incidents')).toMatchObject({ name: 'incidents' })
    expect(placeOf('#/incidents/a%2Fb')).toMatchObject({ name: 'incident', id: 'a/b' })
    expect(placeOf('#/incidents/%zz')).toMatchObject({ id: '%zz' })
  })
})

describe('words', () => {
  it('numbers, times and names are short', () => {
    expect([
      count(1234),
      count(1_234_567),
      lasted(90_000),
      lasted(3_600_000),
      moment(0),
      moment(1_800_000_000_000),
    ]).toEqual(['1,234', '1.23M', '90 seconds', '60 minutes', '–', '2027-01-15 08:00:00 UTC'])
    expect([ago(0, 5), ago(1000, 1500), ago(0 + 1, 120_001)]).toEqual(['never', 'just now', '2 minutes ago'])
    expect([identityName('cluster.local/ns/shop/sa/cart'), identityName('10.0.0.1'), cut('abcdef', 4)]).toEqual([
      'cart.shop',
      '10.0.0.1',
      'abc…',
    ])
  })
})

describe('the page', () => {
  const files = readdirSync(PAGE).filter((name) => /\.(ts|html|css)$/.test(name))
  const against = (forbidden: RegExp) =>
    files.flatMap((name) =>
      [...readFileSync(join(PAGE, name), 'utf8').matchAll(forbidden)].map(([text]) => `${name}: ${text}`),
    )

  it('makes no element of text, and runs no text', () => {
    expect(files.length).toBeGreaterThan(20)
    expect(
      against(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\(|new Function|setHTML|javascript:/g,
      ),
    ).toEqual([])
    // One place sets attributes, from a list.
    expect(against(/\.setAttribute\(/g)).toEqual(['dom.ts: .setAttribute('])
  })

  it('has no script or style within its HTML, and nothing from elsewhere', () => {
    expect(against(/<style|<script(?![^>]* src=)|\son\w+=|style="/g)).toEqual([])
    expect(against(/https?:\/\/[^\s'"`]+/g)).toEqual([
      'incident-view.ts: https://attack.mitre.org/techniques/${technique.replace(',
    ])
  })
})
