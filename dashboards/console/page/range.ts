/** The stretch of time that everything is shown for: the last minutes, or two fixed times. */
import { button, fill, h } from './dom.ts'

export interface Span {
  from: number
  until: number
}

const PRESETS: readonly [text: string, minutes: number][] = [
  ['15 minutes', 15],
  ['1 hour', 60],
  ['3 hours', 180],
  ['6 hours', 360],
  ['12 hours', 720],
  ['24 hours', 1440],
]
const DEFAULT_MINUTES = 180
const MINUTE = 60_000
const KEY = 'eastwatch.range'

export class Range {
  readonly element: HTMLElement
  #minutes: number | undefined
  #fixed: Span | undefined
  readonly #onChange: () => void

  constructor(onChange: () => void) {
    this.#onChange = onChange
    this.#minutes = Number(sessionStorage.getItem(KEY)) || DEFAULT_MINUTES
    this.element = h('div', { class: 'range' })
    this.#draw()
  }

  span(): Span {
    const now = Date.now()
    return this.#fixed ?? { from: now - this.#minutes! * MINUTE, until: now }
  }

  /** How often it is worth to look again. */
  pauseMs(): number {
    const { from, until } = this.span()
    return Math.min(60_000, Math.max(5_000, (until - from) / 1440))
  }

  text(): string {
    if (this.#fixed !== undefined) return 'that time'
    const [text] = PRESETS.find(([, minutes]) => minutes === this.#minutes) ?? [`${this.#minutes} minutes`]
    return `the last ${text.replace(/^1 /, '')}`
  }

  #set(minutes: number | undefined, fixed: Span | undefined): void {
    this.#minutes = minutes
    this.#fixed = fixed
    if (minutes !== undefined) sessionStorage.setItem(KEY, String(minutes))
    this.#onChange()
  }

  #draw(): void {
    const select = h('select', { 'aria-label': 'Time range' })
    for (const [text, minutes] of PRESETS) {
      select.append(
        h('option', { value: minutes, selected: minutes === this.#minutes }, `Last ${text.replace(/^1 /, '')}`),
      )
    }
    select.append(h('option', { value: 'custom', selected: this.#fixed !== undefined }, 'From … until …'))
    select.addEventListener('change', () => {
      if (select.value !== 'custom') {
        this.#set(Number(select.value), undefined)
        fill(this.element, select)
      } else fill(this.element, select, this.#fixedTimes())
    })
    fill(this.element, select)
  }

  #fixedTimes(): HTMLElement {
    const { from, until } = this.span()
    const field = (label: string, at: number) =>
      h('input', { type: 'datetime-local', 'aria-label': label, value: new Date(at).toISOString().slice(0, 16) })
    const [start, end] = [field('From, in UTC', from), field('Until, in UTC', until)]
    const problem = h('span', { class: 'problem', role: 'alert' })
    const apply = button(
      {},
      () => {
        const [a, b] = [start, end].map(({ value }) => Date.parse(`${value}Z`))
        const isSpan = a !== undefined && b !== undefined && b > a && b - a <= 31 * 1440 * MINUTE
        fill(problem, isSpan ? '' : 'The end must be after the start, by 31 days at most.')
        if (isSpan) this.#set(undefined, { from: a, until: b })
      },
      'Show',
    )
    return h('span', { class: 'fixed' }, start, end, h('span', { class: 'quiet' }, 'UTC'), apply, problem)
  }
}
