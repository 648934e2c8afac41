/** A pair: its windows over time against what is usual for it, what was found, which paths it uses. */
import type { PairAnswer, PairPoint } from '../data/pair.ts'
import { get } from './api.ts'
import { severityBadge, stateBadge } from './badge.ts'
import type { Chart, Series } from './chart.ts'
import { fill, h, link } from './dom.ts'
import { count, counted, identityName, lasted, milliseconds, moment, number } from './format.ts'
import { loadChart } from './parts.ts'
import { hashOf, type Place } from './router.ts'
import { onTheme } from './theme.ts'
import type { Surroundings, View } from './view.ts'

const KEYS = ['sourceIdentity', 'sourceNamespace', 'sourceWorkload', 'sourceAddress', 'destinationService'] as const
const WINDOW_SECONDS = 10

export function pairView({ query }: Place, around: Surroundings): View {
  const key = Object.fromEntries(KEYS.map((name) => [name, query.get(name) ?? '']))
  const { sourceIdentity = '', sourceWorkload = '', sourceAddress = '', destinationService = '' } = key
  const source = identityName(sourceIdentity) || sourceWorkload || sourceAddress || 'an unnamed caller'
  const charts = h('div', { class: 'charts' })
  const note = h('p', { class: 'quiet' })
  const rest = h('div', {})
  let drawn: Chart[] = []
  let shown: { answer: PairAnswer; span: { from: number; until: number } } | undefined
  const draw = async () => {
    if (shown === undefined) return
    const { answer, span } = shown
    const { chartOf } = await loadChart()
    for (const chart of drawn) chart.stop()
    drawn = answer.points.length === 0 ? [] : seriesOf(answer, span).map((series) => chartOf(series, span))
    fill(
      charts,
      ...(drawn.length === 0
        ? [h('p', { class: 'empty' }, `No calls in ${around.range.text()}. Choose another time above.`)]
        : drawn.map(({ element }) => element)),
    )
  }
  const offTheme = onTheme(() => void draw())
  return {
    element: h(
      'div',
      { class: 'page' },
      h('p', {}, link('#/map', {}, '← Map')),
      h('h1', { class: 'name' }, `${source} → ${destinationService}`),
      h(
        'p',
        { class: 'quiet' },
        [sourceIdentity, sourceWorkload === '' ? '' : `workload ${sourceWorkload}`, sourceAddress]
          .filter((one) => one !== '')
          .join(', '),
      ),
      note,
      charts,
      rest,
    ),
    title: `${source} → ${destinationService}`,
    async load(signal) {
      const { from, until } = around.range.span()
      const span = { from: Math.floor(from), until: Math.ceil(until) }
      const given = Object.fromEntries(Object.entries(key).filter(([, value]) => value !== ''))
      const answer = await get<PairAnswer>('/pair', { destinationService, ...given, ...span }, signal)
      shown = { answer, span }
      fill(note, noteOf(answer))
      fill(rest, incidentsOf(answer), findingsOf(answer), routesOf(answer))
      await draw()
    },
    search() {},
    leave() {
      location.hash = hashOf('map')
      return true
    },
    stop() {
      offTheme()
      for (const chart of drawn) chart.stop()
    },
  }
}

function noteOf({ bands, stepSeconds }: PairAnswer): string {
  const step = `Each point is ${lasted(stepSeconds * 1000)}.`
  if (bands === null) return `${step} Its past is too short to say what is usual.`
  return `${step} The band is its own past, not a detector's verdict: in it lay 98 of 100 such steps of the day before, from ${moment(bands.from)} on. Red ticks at the top are findings; where a detector measured the same thing, a dot is what it saw and a bar reaches from what it expected to the least it speaks of.`
}

function seriesOf(
  { points, bands, findings, stepSeconds }: PairAnswer,
  { from, until }: { from: number; until: number },
): Series[] {
  const step = stepSeconds * 1000
  const filled = everyStep(points, step, from, until)
  const each = lasted(step)
  const marks = findings.map(({ at }) => at)
  const found = (unit: RegExp) =>
    findings
      .filter((one) => unit.test(one.unit))
      .map(({ at, observed, expected, detectable }) => ({ at, observed, expected, least: detectable }))
  // A detector counts by its own windows: only steps as long can be compared with what it says.
  const counts = (unit: RegExp) => (stepSeconds === WINDOW_SECONDS ? found(unit) : [])
  const of = (name: 'requests' | 'denied' | 'failures' | 'gapUs' | 'answerUs') =>
    filled.map(({ at, point }): [number, number | null] => [at, point?.[name] ?? (name.endsWith('Us') ? null : 0)])
  const base = { marks }
  return [
    { ...base, title: `Requests in ${each}`, points: of('requests'), band: bands?.requests, found: [], text: number },
    {
      ...base,
      title: `Denied in ${each}`,
      points: of('denied'),
      band: bands?.denied,
      found: counts(/^denial/),
      text: number,
    },
    {
      ...base,
      title: `Failed in ${each}`,
      points: of('failures'),
      band: bands?.failures,
      found: counts(/^(handshake|failure|error)/),
      text: number,
    },
    {
      ...base,
      title: 'Time between both proxies, median',
      points: of('gapUs'),
      band: bands?.gapUs ?? undefined,
      found: found(/^microseconds$/),
      text: milliseconds,
    },
    {
      ...base,
      title: 'Answer time of the service, 95th percentile',
      points: of('answerUs'),
      band: bands?.answerUs ?? undefined,
      found: [],
      text: milliseconds,
    },
  ]
}

/** Steps without calls are steps too. */
function everyStep(
  points: readonly PairPoint[],
  step: number,
  from: number,
  until: number,
): { at: number; point: PairPoint | undefined }[] {
  const known = new Map(points.map((point) => [point.at, point]))
  const first = Math.max(Math.ceil(from / step) * step, points[0]?.at ?? 0)
  const last = Math.min(until, points.at(-1)?.at ?? 0)
  const steps: { at: number; point: PairPoint | undefined }[] = []
  for (let at = first; at <= last; at += step) steps.push({ at, point: known.get(at) })
  return steps
}

function incidentsOf({ incidents }: PairAnswer): HTMLElement {
  const items = incidents.map(({ id, severity, state, summary }) =>
    h(
      'li',
      { class: 'row', tabindex: -1 },
      severityBadge(severity),
      ' ',
      stateBadge(state),
      ' ',
      link(`#/incidents/${encodeURIComponent(id)}`, {}, summary),
    ),
  )
  return section(
    'Incidents',
    items.length === 0 ? h('p', { class: 'quiet' }, 'none in this time') : h('ul', { class: 'incidents-of' }, ...items),
  )
}

function findingsOf({ findings }: PairAnswer): HTMLElement {
  if (findings.length === 0) return section('Findings', h('p', { class: 'quiet' }, 'none in this time'))
  const rows = findings.map(({ at, detector, kind, severity, summary }) =>
    h(
      'tr',
      {},
      h('td', {}, h('time', {}, moment(at))),
      h('td', {}, severityBadge(severity)),
      h('td', {}, `${detector}, ${kind}`),
      h('td', {}, summary),
    ),
  )
  return section(`Findings (${findings.length})`, table(['When', 'Severity', 'By', 'What'], rows, 'Findings'))
}

function routesOf({ routes }: PairAnswer): HTMLElement {
  if (routes.length === 0) return section('Paths', h('p', { class: 'quiet' }, 'none in this time'))
  const rows = routes.map(({ method, route, requests, denied, outside, reason }) => {
    const notes = [
      outside > 0 ? `▲ not allowed, answered ${counted(outside, 'time')}` : '',
      denied > 0 ? `⊘ denied ${count(denied)}` : '',
      reason,
    ]
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, h('code', {}, `${method} ${route}`)),
      h('td', { class: 'figure' }, count(requests)),
      h('td', {}, notes.filter((one) => one !== '').join('; ')),
    )
  })
  return section('Paths', table(['Path', 'Requests', ''], rows, 'Paths'))
}

function section(title: string, content: HTMLElement): HTMLElement {
  return h('section', { class: 'panel', 'aria-label': title }, h('h2', {}, title), content)
}

function table(head: readonly string[], rows: readonly HTMLElement[], label: string): HTMLElement {
  const cells = head.map((text) => (text === '' ? h('td') : h('th', { scope: 'col' }, text)))
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': label },
    h('table', {}, h('thead', {}, h('tr', {}, ...cells)), h('tbody', {}, ...rows)),
  )
}
