/** What each detector can see of each service, and how Eastwatch itself does. */
import type { CoverageAnswer } from '../data/coverage.ts'
import type { HealthAnswer } from '../data/health.ts'
import { get } from './api.ts'
import { fill, h } from './dom.ts'
import { ago, count, counted } from './format.ts'
import type { Place } from './router.ts'
import type { Surroundings, View } from './view.ts'

const SIGNS = { on: '✓', degraded: '◐', blind: '✕' } as const
type Service = CoverageAnswer['services'][number]

export function coverageView(_: Place, around: Surroundings): View {
  const health = h('div', { class: 'health' })
  const coverage = h('div', {})
  let services: Service[] | undefined
  const draw = () => {
    if (services !== undefined) fill(coverage, coverageOf(services, around.search().toLowerCase()))
  }
  const element = h(
    'div',
    { class: 'page' },
    h('h1', {}, 'Coverage and health'),
    h('section', { 'aria-label': 'Health' }, health),
    h('h2', {}, 'What each detector can see'),
    h('p', { class: 'quiet' }, 'By the calls of the last hour; “eastwatch doctor” tells the same.'),
    coverage,
  )
  return {
    element,
    title: 'Coverage and health',
    search: draw,
    async load(signal) {
      const [seen, state] = await Promise.all([
        get<CoverageAnswer>('/coverage', {}, signal),
        get<HealthAnswer>('/health', {}, signal),
      ])
      services = seen.services
      fill(health, ...healthOf(state))
      draw()
    },
  }
}

function healthOf({ now, parts, newestCall, judgedUntil, rejected, receivers }: HealthAnswer): HTMLElement[] {
  const fact = (label: string, value: string, note = '') =>
    h(
      'div',
      { class: 'fact panel' },
      h('div', { class: 'quiet' }, label),
      h('div', { class: 'value' }, value),
      h('div', { class: 'quiet' }, note),
    )
  const lost = rejected.reduce((sum, { records }) => sum + records, 0)
  const dead = receivers.reduce((sum, one) => sum + one.dead, 0)
  const facts = h(
    'div',
    { class: 'facts' },
    fact('Newest call', newestCall === 0 ? 'none in an hour' : ago(newestCall, now), 'as stored'),
    fact('Judged until', judgedUntil === 0 ? 'nothing in a day' : ago(judgedUntil, now), 'end of the newest window'),
    fact('Could not be read', counted(lost, 'record'), 'in the last hour'),
    fact('Given up on', counted(dead, 'message'), 'by receivers, in the last day'),
  )
  const partRows = parts.map(({ part, ready, detail }) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, part),
      h('td', {}, mark(ready ? 'on' : 'blind', ready ? 'ready' : 'not ready')),
      h('td', {}, detail),
    ),
  )
  const tables = [table('Parts of this process', ['Part', 'State', 'Why'], partRows)]
  if (receivers.length > 0) {
    const rows = receivers.map((one) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, one.receiver),
        h('td', {}, count(one.sent)),
        h('td', {}, count(one.failed)),
        h('td', {}, count(one.dead)),
        h('td', {}, ago(one.last, now)),
        h('td', {}, one.detail),
      ),
    )
    tables.push(
      table('Receivers, last day', ['Receiver', 'Sent', 'Failed attempts', 'Given up', 'Last', 'Last failure'], rows),
    )
  }
  if (rejected.length > 0) {
    const rows = rejected.map((one) =>
      h('tr', {}, h('th', { scope: 'row' }, one.reason), h('td', {}, count(one.records)), h('td', {}, one.detail)),
    )
    tables.push(table('Records that could not be read, last hour', ['Reason', 'Records', 'One of them'], rows))
  }
  return [facts, ...tables]
}

function coverageOf(services: readonly Service[], search: string): HTMLElement {
  if (services.length === 0) {
    return h(
      'p',
      { class: 'empty' },
      'No calls were stored in the last hour, so every detector is blind. docs/connect-envoy.md and docs/connect-istio.md say what to paste.',
    )
  }
  const shown = services.filter(({ service }) => service.toLowerCase().includes(search))
  if (shown.length === 0) return h('p', { class: 'empty' }, 'No service has that in its name.')
  const detectors = shown[0]!.detectors.map(({ detector }) => detector)
  const rows = shown.map(({ service, records, bySource, byDestination, detectors: judged }) => {
    const by = bySource > 0 && byDestination > 0 ? 'both proxies' : bySource > 0 ? 'callers only' : 'the service only'
    const cells = judged.map(({ state, why, mend }) =>
      h(
        'td',
        {},
        mark(state, state),
        why === '' ? null : h('div', { class: 'why' }, why, mend === '' ? '' : `: ${mend}`),
      ),
    )
    return h(
      'tr',
      { class: 'row', tabindex: -1 },
      h('th', { scope: 'row' }, service || '(not named)'),
      h('td', {}, count(records)),
      h('td', {}, by),
      ...cells,
    )
  })
  return table('Detectors by service', ['Service', 'Records', 'Reported by', ...detectors], rows)
}

function mark(state: keyof typeof SIGNS, text: string): HTMLElement {
  return h('span', { class: `mark ${state}` }, h('span', { 'aria-hidden': 'true' }, `${SIGNS[state]} `), text)
}

function table(caption: string, head: readonly string[], rows: readonly HTMLElement[]): HTMLElement {
  return h(
    'div',
    { class: 'scroll panel', tabindex: 0, role: 'region', 'aria-label': caption },
    h(
      'table',
      {},
      h('caption', {}, caption),
      h('thead', {}, h('tr', {}, ...head.map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, ...rows),
    ),
  )
}
