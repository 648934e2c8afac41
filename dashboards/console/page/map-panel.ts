/** Beside the map: what is chosen, or else what stands out. */
import type { MapPath } from '../data/map.ts'
import { stateBadge as incidentState, severityBadge } from './badge.ts'
import { button, type Child, h, link } from './dom.ts'
import { count, counted, cut } from './format.ts'
import type { Incident } from './incidents.ts'
import { type Drawn, type MapNode, worstOf } from './map-model.ts'
import { STATES, stateText } from './path-words.ts'
import { hashOf } from './router.ts'

const MOST = 60
const LONGEST_NAME = 160

export function pathHash({ pair }: MapPath): `#${string}` {
  return hashOf('pair', pair)
}

/** With spaces between, where a line may break. */
export function stateBadges(path: MapPath): Child[] {
  return path.states.flatMap((state) => [h('span', { class: `path-state s-${state}` }, stateText(state, path)), ' '])
}

/** What deserves a look, the worst first. */
export function standingOut(paths: readonly MapPath[]): HTMLElement[] {
  const odd = byWorst(paths.filter(({ states: [worst] }) => worst !== 'authorised' && worst !== 'undecided'))
  if (odd.length === 0)
    return [
      h('h2', {}, 'What stands out'),
      h('p', { class: 'quiet' }, 'Nothing: every path is one that is usual or allowed.'),
    ]
  return [h('h2', {}, 'What stands out'), pathList(odd, ({ source, destination }) => `${source} → ${destination}`)]
}

export function servicePanel(
  node: MapNode,
  paths: readonly MapPath[],
  incidents: readonly Incident[],
  onClose?: () => void,
): HTMLElement[] {
  const { name } = node
  const callers = byWorst(paths.filter(({ destination }) => destination === name))
  const calls = byWorst(paths.filter(({ source }) => source === name))
  const sum = (of: readonly MapPath[]) => of.reduce((total, { requests }) => total + requests, 0)
  return [
    h('h2', { class: 'name' }, name),
    h('p', { class: 'quiet' }, `${counted(sum(callers), 'request')} received, ${count(sum(calls))} sent`),
    ...(onClose === undefined ? [] : [button({}, onClose, `Close ${node.namespace}`)]),
    ...incidentList(incidents),
    h('h3', {}, `Called by ${callers.length}`),
    pathList(callers, ({ source }) => source),
    h('h3', {}, `Calls ${calls.length}`),
    pathList(calls, ({ destination }) => destination),
  ]
}

export function edgePanel(
  paths: readonly MapPath[],
  { nodes }: Drawn,
  ends: { source: string; destination: string },
): HTMLElement[] {
  const nameOf = (id: string) => nodes.find((node) => node.id === id)?.name ?? ''
  return [
    h('h2', { class: 'name' }, `${nameOf(ends.source)} → ${nameOf(ends.destination)}`),
    pathList(byWorst(paths), ({ source, destination, pair }) =>
      paths.length === 1 ? pair.sourceIdentity || source : `${source} → ${destination}`,
    ),
  ]
}

function incidentList(incidents: readonly Incident[]): HTMLElement[] {
  if (incidents.length === 0) return []
  const items = incidents.map(({ id, severity, state, summary }) =>
    h(
      'li',
      {},
      severityBadge(severity),
      ' ',
      incidentState(state),
      ' ',
      link(`#/incidents/${encodeURIComponent(id)}`, {}, summary),
    ),
  )
  return [h('h3', {}, 'Incidents'), h('ul', { class: 'incidents-of' }, ...items)]
}

function pathList(paths: readonly MapPath[], textOf: (path: MapPath) => string): HTMLElement {
  if (paths.length === 0) return h('p', { class: 'quiet' }, 'none')
  const items = paths
    .slice(0, MOST)
    .map((path) =>
      h(
        'li',
        {},
        link(pathHash(path), { class: 'path' }, cut(textOf(path), LONGEST_NAME)),
        h(
          'div',
          {},
          ...stateBadges(path),
          h(
            'span',
            { class: 'quiet' },
            ` ${counted(path.requests, 'request')}${path.verified ? '' : ', unverified senders'}`,
          ),
        ),
      ),
    )
  const rest = paths.length - MOST
  return h(
    'ul',
    { class: 'paths' },
    ...items,
    rest > 0 ? h('li', { class: 'quiet' }, `and ${rest} more: the list has them`) : null,
  )
}

export function byWorst(paths: readonly MapPath[]): MapPath[] {
  const rank = ({ states }: MapPath) => STATES.indexOf(worstOf(states))
  return [...paths].sort((a, b) => rank(a) - rank(b) || b.requests - a.requests)
}
