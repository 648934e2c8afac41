/** What the keys do. */
import { h } from './dom.ts'

const KEYS: readonly [keys: string, does: string][] = [
  ['j  k', 'to the next, the one before: of rows in a list, of services on the map'],
  ['Enter', 'opens it'],
  ['Escape', 'lets go of what is selected, or goes back'],
  ['/', 'search'],
  ['1  2  3  4', 'map, incidents, silences, coverage'],
  ['arrows  +  −  0', 'on the map: moves it, larger, smaller, all of it'],
  ['?', 'this'],
]

export function helpDialog(): HTMLDialogElement {
  const rows = KEYS.map(([keys, does]) =>
    h('tr', {}, h('th', { scope: 'row' }, ...keys.split('  ').map((key) => h('kbd', {}, key))), h('td', {}, does)),
  )
  const close = h('button', { class: 'primary' }, 'Close')
  const form = h('form', {}, close)
  form.method = 'dialog'
  return h(
    'dialog',
    { 'aria-labelledby': 'help-title' },
    h('h2', { id: 'help-title' }, 'Keys'),
    h('table', { class: 'keys' }, h('tbody', {}, ...rows)),
    h(
      'p',
      { class: 'quiet' },
      'All times are UTC. Names and paths are shown as the telemetry has them: whoever sends telemetry chooses them.',
    ),
    form,
  )
}
