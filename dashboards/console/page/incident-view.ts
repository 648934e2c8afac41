/** One incident: what was seen, what was expected, the evidence, what people did, who was told. */
import { ApiError, get } from './api.ts'
import { severityBadge, stateBadge } from './badge.ts'
import { button, type Child, fill, h, link } from './dom.ts'
import { counted, identityName, lasted, milliseconds, moment, number } from './format.ts'
import { incidentActions } from './incident-actions.ts'
import {
  destinationsText,
  type Evidence,
  type Example,
  pairHash,
  sourcesText,
  type WholeIncident,
} from './incidents.ts'
import type { Place } from './router.ts'
import type { Surroundings, View } from './view.ts'

const TECHNIQUE = /^T\d{4}(\.\d{3})?$/
const MOST_EXAMPLES = 20

export function incidentView({ id }: Place, around: Surroundings): View {
  const element = h('div', { class: 'page' })
  let shown = ''
  return {
    element,
    title: 'Incident',
    async load(signal) {
      try {
        const incident = await get<WholeIncident>(`/incidents/${encodeURIComponent(id)}`, {}, signal)
        const text = JSON.stringify(incident)
        // What somebody reads or has selected is left as it is while it stays the same.
        if (text !== shown) fill(element, ...pageOf(incident, around))
        shown = text
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error
        fill(element, back(), h('p', { class: 'empty' }, 'There is no such incident, or it is not yours to see.'))
      }
    },
    leave() {
      location.hash = '#/incidents'
      return true
    },
  }
}

function back(): HTMLElement {
  return h('p', {}, link('#/incidents', {}, '← Incidents'))
}

function pageOf(incident: WholeIncident, around: Surroundings): HTMLElement[] {
  const { severity, state, summary, evidence } = incident
  const actions = incidentActions(incident, around)
  return [
    back(),
    h('div', { class: 'badges' }, severityBadge(severity), stateBadge(state), stateText(incident)),
    h('h1', { class: 'summary' }, summary),
    actions.length === 0
      ? h('div')
      : h('div', { class: 'buttons', role: 'group', 'aria-label': 'Actions' }, ...actions),
    h('section', { class: 'panel', 'aria-label': 'Evidence' }, factsOf(incident)),
    examplesOf(evidence.examples ?? []),
    sqlOf(evidence.sql ?? '', around),
    historyOf(incident),
  ]
}

function stateText({ state, acknowledgedBy, resolvedBy, silencedUntil, acceptedUntil }: WholeIncident): HTMLElement {
  const words = [
    state === 'acknowledged' ? `by ${acknowledgedBy}` : '',
    state === 'silenced' ? `until ${moment(silencedUntil)}` : '',
    state === 'resolved' ? (resolvedBy === '' ? 'by itself' : `by ${resolvedBy}`) : '',
    acceptedUntil > Date.now() ? `accepted as normal until ${moment(acceptedUntil)}` : '',
  ]
  return h('span', { class: 'quiet' }, words.filter((one) => one !== '').join(', '))
}

function factsOf(incident: WholeIncident): HTMLElement {
  const { evidence, detector, kinds, openedAt, updatedAt, resolvedAt, reopened, operation, verdict, findings } =
    incident
  const pair = pairHash(incident)
  const ends = `${sourcesText(incident)} → ${destinationsText(incident)}`
  const rows: [label: string, ...value: Child[]][] = [
    ['Between', pair === undefined ? ends : link(pair, {}, ends)],
    ['Operation', operation],
    ['Seen', seenText(evidence)],
    ['Expected', expectedText(evidence)],
    [
      'First and last',
      evidence.firstSeen === undefined
        ? ''
        : `${moment(evidence.firstSeen / 1000)} to ${moment((evidence.lastSeen ?? 0) / 1000)}, in the newest finding`,
    ],
    ['Verdict', verdict],
    ['Could not see', evidence.blind],
    ['Found by', `${detector} (${kinds.join(', ')}), ${counted(findings, 'finding')}`],
    ['Opened', `${moment(openedAt)}${reopened > 0 ? `, reopened ${counted(reopened, 'time')}` : ''}`],
    ['Last change', moment(updatedAt)],
    ['Resolved', resolvedAt > 0 ? moment(resolvedAt) : ''],
    ['ATT&CK', techniqueOf(evidence.technique ?? '')],
    ...Object.entries(evidence.facts ?? {}).map(([name, value]): [string, string] => [
      name.replaceAll('_', ' '),
      typeof value === 'number' ? number(value) : String(value),
    ]),
  ]
  const given = rows.filter(([, value]) => value !== '' && value !== undefined)
  return h(
    'dl',
    { class: 'facts-list' },
    ...given.map(([label, ...value]) => h('div', {}, h('dt', {}, label), h('dd', {}, ...value))),
  )
}

function seenText({ observed, unit = '' }: Partial<Evidence>): string {
  return observed === undefined ? '' : measured(observed, unit)
}

function expectedText({
  expected,
  unit = '',
  baselineSamples = 0,
  baselineSince = 0,
  firstSeen = 0,
  detectable,
  p,
}: Partial<Evidence>): string {
  if (expected === undefined) return ''
  const what = expected === 0 ? 'none' : expected < 0.01 ? 'fewer than 0.01' : measured(expected, unit)
  const from =
    baselineSamples > 0
      ? `, from ${counted(baselineSamples, 'sample')} of ${lasted(Math.max(0, firstSeen - baselineSince) / 1000)}`
      : ''
  const least =
    detectable === null || detectable === undefined ? '' : `; it speaks from ${measured(detectable, unit)} on`
  const chance =
    p === null || p === undefined
      ? ''
      : `; as much by chance: ${p < 1e-12 ? 'less than once in 10¹²' : p.toPrecision(2)}`
  return `${what}${from}${least}${chance}`
}

function measured(value: number, unit: string): string {
  return unit === 'microseconds' ? milliseconds(value) : `${number(value)} ${unit}`
}

function techniqueOf(technique: string): Child {
  if (!TECHNIQUE.test(technique)) return technique
  const anchor = h('a', {}, technique)
  anchor.href = `https://attack.mitre.org/techniques/${technique.replace('.', '/')}/`
  anchor.rel = 'noreferrer noopener'
  anchor.target = '_blank'
  return anchor
}

function examplesOf(examples: readonly Example[]): HTMLElement {
  if (examples.length === 0) return h('div')
  const rows = examples
    .slice(0, MOST_EXAMPLES)
    .map((one) =>
      h(
        'tr',
        {},
        h('td', {}, moment(one.at / 1000)),
        h('td', {}, one.sourceAddress),
        h('td', {}, `${one.method} ${one.path}`),
        h('td', {}, one.status || '–'),
        h('td', {}, h('code', {}, one.requestId)),
        h('td', {}, h('code', {}, one.traceId)),
        h('td', {}, one.detail),
      ),
    )
  const head = ['When', 'From', 'Request', 'Status', 'Request id', 'Trace id', 'Detail'].map((text) =>
    h('th', { scope: 'col' }, text),
  )
  return h(
    'div',
    { class: 'scroll panel', tabindex: 0, role: 'region', 'aria-label': 'Example calls' },
    h('table', {}, h('caption', {}, 'Example calls'), h('thead', {}, h('tr', {}, ...head)), h('tbody', {}, ...rows)),
  )
}

function sqlOf(sql: string, around: Surroundings): HTMLElement {
  if (sql === '') return h('div')
  const copy = button(
    {},
    async () => {
      await navigator.clipboard.writeText(sql).then(
        () => around.say('Copied. “eastwatch query” runs it.'),
        () => around.say('The browser does not allow to copy: select the text.'),
      )
    },
    'Copy',
  )
  return h(
    'section',
    { class: 'panel', 'aria-label': 'SQL' },
    h('div', { class: 'head' }, h('h2', {}, 'The records behind it'), copy),
    h('pre', { tabindex: 0 }, h('code', {}, sql)),
  )
}

function historyOf({ audit, notifications }: WholeIncident): HTMLElement {
  const done = audit.map(({ at, actor, action, detail }) => ({
    at,
    text: `${identityName(actor)}: ${action}${detail === '' ? '' : `, ${detail}`}`,
  }))
  const told = notifications.map(({ at, receiver, reason, status, attempt, detail }) => ({
    at,
    text: `${receiver}: ${reason}, ${status}${attempt > 1 ? ` at attempt ${attempt}` : ''}${detail === '' ? '' : `, ${detail}`}`,
  }))
  const all = [...done, ...told].sort((a, b) => a.at - b.at)
  const rows = all.map(({ at, text }) => h('li', {}, h('time', { class: 'quiet' }, moment(at)), ' ', text))
  return h(
    'section',
    { class: 'panel', 'aria-label': 'History' },
    h('h2', {}, 'What was done, and who was told'),
    all.length === 0
      ? h('p', { class: 'quiet' }, 'Nobody has done anything about it, and nobody was told.')
      : h('ol', { class: 'history' }, ...rows),
  )
}
