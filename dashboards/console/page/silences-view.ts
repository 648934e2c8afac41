/** Silences in force and to come, each with why and until when; ending one, making one. */
import { act, get } from './api.ts'
import { button, fill, h } from './dom.ts'
import { showDone } from './done.ts'
import { lasted, moment } from './format.ts'
import type { Place } from './router.ts'
import { silenceDialog } from './silence-dialog.ts'
import { canAct, type Surroundings, type View } from './view.ts'

interface Silence {
  id: string
  matchers: string[]
  startsAt: number
  endsAt: number
  createdBy: string
  reason: string
}

export function silencesView(_: Place, around: Surroundings): View {
  const list = h('div', {})
  const add = canAct(around.session)
    ? button({ class: 'primary' }, () => silenceDialog(around, []), 'New silence')
    : null
  return {
    element: h(
      'div',
      { class: 'page' },
      h('div', { class: 'head' }, h('h1', {}, 'Silences'), add),
      h(
        'p',
        { class: 'quiet' },
        'What a silence matches is recorded all the same. If it still goes on when the silence ends, it is told then.',
      ),
      list,
    ),
    title: 'Silences',
    async load(signal) {
      const { silences } = await get<{ silences: Silence[] }>('/silences', {}, signal)
      const search = around.search().toLowerCase()
      const shown = silences.filter((one) => JSON.stringify(one).toLowerCase().includes(search))
      const empty = silences.length === 0 ? 'No silence is in force.' : 'No silence has that in it.'
      fill(list, ...(shown.length === 0 ? [h('p', { class: 'empty' }, empty)] : shown.map((one) => rowOf(one, around))))
    },
  }
}

function rowOf({ id, matchers, startsAt, endsAt, createdBy, reason }: Silence, around: Surroundings): HTMLElement {
  const now = Date.now()
  const end = async () => {
    try {
      await showDone(around, await act('DELETE', `/silences/${encodeURIComponent(id)}`), 'The silence is ended.')
    } catch (error) {
      around.say(`It was not ended: ${(error as Error).message}.`)
    }
  }
  const when =
    startsAt > now
      ? `from ${moment(startsAt)} until ${moment(endsAt)}`
      : `${lasted(endsAt - now)} left, until ${moment(endsAt)}`
  return h(
    'article',
    { class: 'row panel silence', tabindex: -1 },
    h('div', {}, ...matchers.map((one) => h('code', { class: 'matcher' }, one))),
    h('p', {}, reason),
    h('p', { class: 'quiet' }, `by ${createdBy}, ${when}`),
    canAct(around.session) ? button({}, end, 'End it') : null,
  )
}
