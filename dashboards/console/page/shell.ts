/** What stands around every view: where one is, search, time range, whether it is live; and the loop that keeps it so. */
import type { Session } from '../../../alerts/api/access.ts'
import { ApiError, get, logOut } from './api.ts'
import { button, fill, h, link, setAttribute } from './dom.ts'
import { clock } from './format.ts'
import { helpDialog } from './help.ts'
import type { Incident } from './incidents.ts'
import { onKeys } from './keys.ts'
import { Range } from './range.ts'
import { placeOf } from './router.ts'
import { themeButton } from './theme.ts'
import type { Surroundings, View } from './view.ts'
import { openView, TABS } from './views.ts'

const TOAST_MS = 6_000
const TYPING_MS = 250
const RETRY_MS = 5_000
const MOST_ALIVE = 1_000

export class Shell {
  readonly element: HTMLElement
  readonly #main = h('main', { id: 'main', tabindex: -1 })
  readonly #status = h('span', { class: 'status', role: 'status' })
  readonly #trouble = h('p', { class: 'trouble', role: 'alert', hidden: true })
  readonly #toast = h('p', { class: 'toast', role: 'status' })
  readonly #search = h('input', {
    type: 'search',
    placeholder: 'Search  ( / )',
    'aria-label': 'Search',
    maxlength: 200,
    spellcheck: 'false',
  })
  readonly #tabs = new Map<string, HTMLAnchorElement>()
  readonly #help = helpDialog()
  readonly #surroundings: Surroundings
  readonly #onEnd: () => void
  #view: View | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #loading = new AbortController()
  #alive: Promise<Incident[]> | undefined
  #since = 0
  readonly #ends: (() => void)[] = []

  constructor(session: Session, onEnd: () => void) {
    this.#onEnd = onEnd
    const range = new Range(() => this.#again())
    this.#surroundings = {
      session,
      range,
      search: () => this.#search.value.trim(),
      alive: () => this.#readAlive(),
      reload: () => this.#again(),
      say: (text) => this.#say(text),
    }
    for (const { name, text } of TABS) this.#tabs.set(name, link(`#/${name}`, {}, text))
    const skip = button({ class: 'skip' }, () => this.#main.focus(), 'Skip to the content')
    this.element = h(
      'div',
      { class: 'shell' },
      skip,
      h(
        'header',
        { class: 'bar' },
        link('#/map', { class: 'brand', 'aria-label': 'Eastwatch, the map' }, 'Eastwatch'),
        h('nav', { 'aria-label': 'Views' }, ...this.#tabs.values()),
        this.#search,
        range.element,
        this.#status,
        h(
          'div',
          { class: 'tools' },
          button({ class: 'plain', 'aria-label': 'Keys and help' }, () => this.#help.showModal(), '?'),
          themeButton(),
          session.canLogOut
            ? button({ class: 'plain', title: `${session.name}, ${session.role}` }, () => this.#leave(), 'Log out')
            : null,
        ),
      ),
      this.#trouble,
      this.#main,
      this.#toast,
      this.#help,
    )
  }

  start(): void {
    const on = <T extends EventTarget>(target: T, name: string, listener: (event: Event) => void) => {
      target.addEventListener(name, listener)
      this.#ends.push(() => target.removeEventListener(name, listener))
    }
    on(window, 'hashchange', () => this.#open())
    on(document, 'visibilitychange', () => {
      if (!document.hidden) this.#again()
    })
    let typing: ReturnType<typeof setTimeout> | undefined
    on(this.#search, 'input', () => {
      clearTimeout(typing)
      typing = setTimeout(() => (this.#view?.search ? this.#view.search() : this.#again()), TYPING_MS)
    })
    this.#ends.push(
      onKeys({
        search: () => {
          this.#search.focus()
          this.#search.select()
        },
        help: () => this.#help.showModal(),
        tab: (at) => {
          if (TABS[at] !== undefined) location.hash = `#/${TABS[at].name}`
        },
        leave: () => this.#view?.leave?.() ?? false,
        move: (step) => this.#view?.move?.(step),
        hasMove: () => this.#view?.move !== undefined,
      }),
    )
    this.#open()
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end()
    clearTimeout(this.#timer)
    this.#loading.abort()
    this.#view?.stop?.()
  }

  #open(): void {
    this.#view?.stop?.()
    const place = placeOf(location.hash)
    this.#view = openView(place, this.#surroundings)
    for (const [name, tab] of this.#tabs) {
      const isHere = name === place.name || (name === 'incidents' && place.name === 'incident')
      setAttribute(tab, 'aria-current', isHere ? 'page' : undefined)
    }
    document.title = `${this.#view.title} – Eastwatch`
    fill(this.#main, this.#view.element)
    setAttribute(this.#main, 'aria-busy', 'true')
    this.#again()
    // Has the page laid out: what is asked is on its way by then.
    window.scrollTo(0, 0)
  }

  /** Loads now, and from then on again and again while somebody looks. */
  async #again(): Promise<void> {
    clearTimeout(this.#timer)
    this.#loading.abort()
    this.#loading = new AbortController()
    const { signal } = this.#loading
    let pause = this.#surroundings.range.pauseMs()
    const began = Date.now()
    this.#alive = undefined
    try {
      await Promise.all([this.#view?.load(signal), this.#countOpen()])
      if (signal.aborted) return
      // What takes long is asked for less often.
      pause = Math.max(pause, 10 * (Date.now() - began))
      this.#inTouch()
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ApiError && error.status === 401) return this.#onEnd()
      pause = RETRY_MS
      this.#outOfTouch(error)
    }
    setAttribute(this.#main, 'aria-busy', 'false')
    this.#timer = setTimeout(() => {
      if (!document.hidden) this.#again()
    }, pause)
  }

  /** Once a load. */
  #readAlive(): Promise<Incident[]> {
    const query = { state: 'open,acknowledged', limit: MOST_ALIVE }
    const { signal } = this.#loading
    this.#alive ??= get<{ incidents: Incident[] }>('/incidents', query, signal).then(({ incidents }) => incidents)
    return this.#alive
  }

  async #countOpen(): Promise<void> {
    const incidents = (await this.#readAlive()).filter(({ state }) => state === 'open')
    const open = incidents.length < MOST_ALIVE ? `${incidents.length}` : `${MOST_ALIVE}+`
    const tab = this.#tabs.get('incidents')!
    fill(
      tab,
      'Incidents',
      incidents.length === 0 ? null : h('span', { class: 'badge' }, open, h('span', { class: 'unseen' }, ' open')),
    )
    document.title = `${incidents.length === 0 ? '' : `(${open}) `}${this.#view?.title ?? ''} – Eastwatch`
  }

  #inTouch(): void {
    this.#since = Date.now()
    this.#trouble.hidden = true
    fill(this.#status, h('span', { class: 'dot', 'aria-hidden': 'true' }), `Live, ${clock(this.#since)} UTC`)
  }

  #outOfTouch(error: unknown): void {
    const { message } = error as Error
    const isRefused = error instanceof ApiError && error.status >= 400 && error.status < 500
    if (!(error instanceof ApiError)) console.error(error)
    this.#trouble.hidden = false
    const shown = this.#since === 0 ? '' : ` What you see is of ${clock(this.#since)} UTC.`
    fill(
      this.#trouble,
      isRefused
        ? `That cannot be shown: ${message}.`
        : `Out of touch: ${message}.${shown} Trying again every few seconds.`,
    )
    fill(this.#status, h('span', { class: 'dot lost', 'aria-hidden': 'true' }), 'Out of touch')
  }

  async #leave(): Promise<void> {
    await logOut().catch(() => undefined)
    this.#onEnd()
  }

  #say(text: string): void {
    fill(this.#toast, text)
    this.#toast.classList.add('shown')
    setTimeout(() => {
      if (this.#toast.textContent === text) this.#toast.classList.remove('shown')
    }, TOAST_MS)
  }
}
