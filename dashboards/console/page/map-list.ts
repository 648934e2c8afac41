/** The map as a table: the same paths, for screen readers, phones, and whoever reads faster than looks. */
import type { MapPath } from '../data/map.ts'
import { h, link } from './dom.ts'
import { count } from './format.ts'
import { byWorst, pathHash, stateBadges } from './map-panel.ts'

const MOST = 400

export function mapList(paths: readonly MapPath[]): HTMLElement {
  const rows = byWorst(paths)
    .slice(0, MOST)
    .map((path) =>
      h(
        'tr',
        { class: 'row', tabindex: -1 },
        h('th', { scope: 'row' }, link(pathHash(path), {}, `${path.source} → ${path.destination}`)),
        h('td', {}, ...stateBadges(path), path.verified ? null : h('span', { class: 'quiet' }, ' unverified senders')),
        h('td', { class: 'figure' }, count(path.requests)),
      ),
    )
  const head = ['Path', 'What it is', 'Requests'].map((text) => h('th', { scope: 'col' }, text))
  const rest = paths.length - MOST
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Paths' },
    h(
      'table',
      {},
      h('caption', { class: 'unseen' }, 'Paths, the worst first'),
      h('thead', {}, h('tr', {}, ...head)),
      h('tbody', {}, ...rows),
    ),
    rest > 0 ? h('p', { class: 'quiet' }, `${count(rest)} more: search to see others.`) : null,
  )
}
