/** What somebody may do about an incident. */
import { act } from './api.ts'
import { ask, reasonField } from './dialog.ts'
import { button, h } from './dom.ts'
import { showDone } from './done.ts'
import type { Incident } from './incidents.ts'
import { matchersOf } from './matchers.ts'
import { silenceDialog } from './silence-dialog.ts'
import { canAct, type Surroundings } from './view.ts'

const DEFAULT_DAYS = 30

/** Without any for readers. */
export function incidentActions(incident: Incident, around: Surroundings): HTMLElement[] {
  if (!canAct(around.session)) return []
  const { state } = incident
  const isOver = state === 'resolved'
  const buttons = [
    isOver || state === 'acknowledged'
      ? undefined
      : button({ class: 'primary' }, () => simple(incident, around, 'acknowledge'), 'Acknowledge'),
    isOver ? undefined : button({}, () => silenceDialog(around, matchersOf(incident)), 'Silence'),
    isOver ? undefined : button({}, () => simple(incident, around, 'resolve'), 'Resolve'),
    button({}, () => accept(incident, around), 'Accept as normal'),
  ]
  return buttons.filter((one) => one !== undefined)
}

const WORDS = {
  acknowledge: {
    title: 'Acknowledge',
    about: 'You have it. Nobody is told of it again unless it becomes worse.',
    said: 'Acknowledged.',
  },
  resolve: {
    title: 'Resolve',
    about: 'It is over. It opens again when its cause comes back.',
    said: 'Resolved.',
  },
} as const

function simple({ id }: Incident, around: Surroundings, what: keyof typeof WORDS): void {
  const { title, about, said } = WORDS[what]
  const reason = reasonField()
  ask({
    title,
    about,
    fields: [reason.element],
    submit: title,
    send: () => act('POST', `/incidents/${encodeURIComponent(id)}/${what}`, { reason: reason.value() }),
    onDone: (taken) => showDone(around, taken, said),
  })
}

function accept({ id }: Incident, around: Surroundings): void {
  const reason = reasonField()
  const days = h('input', { id: 'days', type: 'number', min: 1, max: 90, value: DEFAULT_DAYS, required: true })
  ask({
    title: 'Accept as normal',
    about:
      'What was seen so far is normal: it is resolved, and the like of it opens nothing for so long. What is new about it still does.',
    fields: [
      h('div', { class: 'field' }, h('label', { for: 'days' }, 'For how many days (90 at most)'), days),
      reason.element,
    ],
    submit: 'Accept',
    send: () =>
      act('POST', `/incidents/${encodeURIComponent(id)}/accept`, { reason: reason.value(), days: Number(days.value) }),
    onDone: (taken) => showDone(around, taken, 'Accepted as normal.'),
  })
}
