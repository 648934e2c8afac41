/** Makes a silence: what it matches, for how long, why. */
import { act } from './api.ts'
import { ask, reasonField } from './dialog.ts'
import { button, fill, h } from './dom.ts'
import { showDone } from './done.ts'
import type { Surroundings } from './view.ts'

const LENGTHS: readonly [text: string, minutes: number][] = [
  ['1 hour', 60],
  ['4 hours', 240],
  ['1 day', 1440],
  ['7 days', 10_080],
]
const MAX_MATCHERS = 8
const MAX_MATCHER = 512

export function silenceDialog(around: Surroundings, matchers: readonly string[]): void {
  const list = h('div', { class: 'matchers' })
  const inputs = () => [...list.querySelectorAll('input')]
  const add = (value: string) => {
    if (inputs().length >= MAX_MATCHERS) return
    const input = h('input', {
      type: 'text',
      value,
      maxlength: MAX_MATCHER,
      spellcheck: 'false',
      'aria-label': 'Matcher',
      placeholder: 'destination="payment.shop"',
    })
    const line = h('div', { class: 'line' }, input)
    line.append(button({ 'aria-label': `Remove ${value || 'this matcher'}` }, () => line.remove(), '✕'))
    list.append(line)
  }
  for (const one of matchers.length === 0 ? [''] : matchers) add(one)
  const length = h(
    'select',
    { id: 'length' },
    ...LENGTHS.map(([text, minutes]) => h('option', { value: minutes }, text)),
  )
  const reason = reasonField()
  const more = button({ class: 'plain' }, () => add(''), 'Add a matcher')
  const hint = h('p', { class: 'quiet' })
  fill(
    hint,
    'All must hold for all that an incident is about. Labels: detector, kind, severity, cause, source, source_namespace, destination, destination_namespace, operation, verdict; written with =, !=, =~ or !~.',
  )
  ask({
    title: 'Silence',
    about:
      'Incidents that match are recorded, and nobody is told of them. If one still goes on at the end, it is told then.',
    fields: [
      h('fieldset', {}, h('legend', {}, 'What it matches'), list, more, hint),
      h('div', { class: 'field' }, h('label', { for: 'length' }, 'For'), length),
      reason.element,
    ],
    submit: 'Silence',
    send: () =>
      act('POST', '/silences', {
        matchers: inputs()
          .map(({ value }) => value.trim())
          .filter((value) => value !== ''),
        minutes: Number(length.value),
        reason: reason.value(),
      }),
    onDone: (taken) => showDone(around, taken, 'The silence is in force.'),
  })
}
