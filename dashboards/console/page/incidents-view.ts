/** All incidents: those that are not over whenever they opened, resolved ones of the time range. */
import { get } from './api.ts'
import { SEVERITIES, STATES, severityBadge, stateBadge } from './badge.ts'
import { button, fill, h, link, setAttribute } from './dom.ts'
import { ago, counted, moment } from './format.ts'
import { destinationsText, type Incident, sourcesText } from './incidents.ts'
import type { Place } from './router.ts'
import type { Surroundings, View } from './view.ts'

interface Listed {
  incidents: Incident[]
  more: boolean
}

export function incidentsView(_: Place, around: Surroundings): View {
  const states = new Set<string>(['open', 'acknowledged', 'silenced'])
  const list = h('div', { class: 'list' })
  const summary = h('p', { class: 'quiet', role: 'status' })
  const chips = STATES.map((state) => {
    const chip = button(
      { class: 'chip', 'aria-pressed': states.has(state) },
      () => {
        if (!states.delete(state)) states.add(state)
        setAttribute(chip, 'aria-pressed', states.has(state))
        around.reload()
      },
      state,
    )
    return chip
  })
  const severity = h('select', { 'aria-label': 'Least severity' })
  severity.append(
    ...SEVERITIES.map((one) =>
      h(
        'option',
        { value: one, selected: one === 'info' },
        one === 'info' ? 'all severities' : one === 'critical' ? 'critical only' : `${one} and above`,
      ),
    ),
  )
  severity.addEventListener('change', () => around.reload())
  return {
    element: h(
      'div',
      { class: 'page' },
      h('h1', {}, 'Incidents'),
      h('div', { class: 'filters', role: 'group', 'aria-label': 'States shown' }, ...chips, severity),
      summary,
      list,
    ),
    title: 'Incidents',
    async load(signal) {
      const { from } = around.range.span()
      const severities = SEVERITIES.slice(0, SEVERITIES.indexOf(severity.value as 'info') + 1).join(',')
      const common = { search: around.search(), severity: severities }
      const alive = [...states].filter((state) => state !== 'resolved').join(',')
      const answers = await Promise.all([
        alive === '' ? NONE : get<Listed>('/incidents', { ...common, state: alive }, signal),
        states.has('resolved')
          ? get<Listed>('/incidents', { ...common, state: 'resolved', from: Math.floor(from) }, signal)
          : NONE,
      ])
      draw(
        answers.flatMap(({ incidents }) => incidents),
        answers.some(({ more }) => more),
      )
    },
  }

  function draw(incidents: Incident[], more: boolean): void {
    const rank = ({ severity: one }: Incident) => SEVERITIES.indexOf(one as 'info')
    const isOver = ({ state }: Incident) => Number(state === 'resolved')
    incidents.sort((a, b) => isOver(a) - isOver(b) || rank(a) - rank(b) || b.updatedAt - a.updatedAt)
    const words = counted(incidents.length, 'incident')
    const known = more ? `${words}, the newest; search to see others.` : `${words}.`
    fill(summary, states.has('resolved') ? `${known} Resolved ones are of ${around.range.text()}.` : known)
    const focused = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>('.row')?.dataset.id
    fill(list, ...(incidents.length === 0 ? [nothing(around.search())] : incidents.map(rowOf)))
    if (focused !== undefined) list.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus()
  }
}

const NONE: Listed = { incidents: [], more: false }

function nothing(search: string): HTMLElement {
  return h(
    'p',
    { class: 'empty' },
    search === ''
      ? 'Nothing is going on. What is found stands here, the worst first.'
      : 'No incident has that in its summary, its source, its destination or its cause.',
  )
}

function rowOf(incident: Incident): HTMLElement {
  const { id, severity, state, summary, openedAt, updatedAt, findings, reopened } = incident
  const now = Date.now()
  return h(
    'article',
    { class: `row panel incident ${state}`, tabindex: -1, 'data-id': id },
    h('div', { class: 'badges' }, severityBadge(severity), stateBadge(state)),
    h(
      'div',
      { class: 'what' },
      link(`#/incidents/${encodeURIComponent(id)}`, { class: 'summary' }, summary),
      h(
        'p',
        { class: 'quiet' },
        `${sourcesText(incident)} → ${destinationsText(incident)} · ${incident.detector} · ${counted(findings, 'finding')}${reopened > 0 ? ` · reopened ${counted(reopened, 'time')}` : ''}`,
      ),
    ),
    h(
      'div',
      { class: 'when quiet' },
      h('time', { title: moment(openedAt) }, `opened ${ago(openedAt, now)}`),
      h('time', { title: moment(updatedAt) }, `changed ${ago(updatedAt, now)}`),
    ),
  )
}
