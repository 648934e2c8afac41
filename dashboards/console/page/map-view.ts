/** The service map, as a picture or as a list. */
import type { MapAnswer, MapPath } from '../data/map.ts'
import type { PathState } from '../data/path-state.ts'
import { get } from './api.ts'
import { button, fill, h, setAttribute } from './dom.ts'
import { count, counted, identityName } from './format.ts'
import type { Incident } from './incidents.ts'
import { moveRow } from './keys.ts'
import { emptyMap } from './map-empty.ts'
import type { Chosen, MapGraph } from './map-graph.ts'
import { mapList } from './map-list.ts'
import { type Drawn, drawn as drawnOf, groupOf, type MapNode } from './map-model.ts'
import { edgePanel, servicePanel, standingOut } from './map-panel.ts'
import { loadGraph } from './parts.ts'
import { STATE_WORDS, STATES } from './path-words.ts'
import type { Place } from './router.ts'
import type { Surroundings, View } from './view.ts'

const NARROW = '(max-width: 700px)'

export function mapView(_: Place, around: Surroundings): View {
  return new MapView(around)
}

class MapView implements View {
  readonly title = 'Map'
  readonly #around: Surroundings
  readonly #canvas = h('div', { class: 'canvas', tabindex: 0, role: 'application', 'aria-label': 'Service map' })
  readonly #list = h('div', { class: 'map-list' })
  readonly #panel = h('aside', { class: 'side', 'aria-label': 'What is chosen', tabindex: 0 })
  readonly #summary = h('p', { class: 'summary-line', role: 'status' })
  readonly #stage = h('div', { class: 'stage' })
  readonly #legend = h('div', { class: 'legend', role: 'group', 'aria-label': 'States shown' })
  readonly #tools = h('div', { class: 'map-tools' })
  readonly #opened = new Set<string>()
  readonly #hidden = new Set<PathState>()
  #graph: MapGraph | undefined
  #answer: MapAnswer | undefined
  #incidents: Incident[] = []
  #drawn: Drawn | undefined
  #chosen: Chosen | undefined
  #isList = matchMedia(NARROW).matches
  #isStopped = false
  readonly element = h('div', { class: 'map-view' })

  constructor(around: Surroundings) {
    this.#around = around
    for (const state of STATES) {
      const { word, sign, about } = STATE_WORDS[state]
      const toggle = button(
        { class: `chip s-${state}`, 'aria-pressed': true, title: about },
        () => {
          if (!this.#hidden.delete(state)) this.#hidden.add(state)
          setAttribute(toggle, 'aria-pressed', !this.#hidden.has(state))
          this.#draw()
        },
        h('span', { class: `sample l-${state}`, 'aria-hidden': 'true' }),
        `${sign} ${word}`,
      )
      this.#legend.append(toggle)
    }
    const head = h(
      'div',
      { class: 'map-head' },
      h('h1', { class: 'unseen' }, 'Service map'),
      this.#summary,
      this.#tools,
    )
    // It gets ready while the first answer is on its way.
    this.#openGraph().catch(() => {
      // Told when it is to draw.
    })
    fill(this.element, h('div', { class: 'map-main' }, head, this.#stage, this.#legend), this.#panel)
  }

  async load(signal: AbortSignal): Promise<void> {
    const { from, until } = this.#around.range.span()
    const query = { from: Math.floor(from), until: Math.ceil(until) }
    const [answer, incidents] = await Promise.all([get<MapAnswer>('/map', query, signal), this.#around.alive()])
    this.#answer = answer
    this.#incidents = incidents
    if (answer.paths.length === 0) {
      this.#dropGraph()
      fill(this.#stage, await emptyMap(this.#around, signal))
      fill(this.#summary)
      fill(this.#panel)
      this.element.classList.add('is-empty')
      return
    }
    this.element.classList.remove('is-empty')
    await this.#draw()
  }

  search(): void {
    this.#draw()
  }

  leave(): boolean {
    if (this.#chosen === undefined) return false
    this.#choose(undefined)
    return true
  }

  move(step: 1 | -1): void {
    if (this.#isList) {
      moveRow(step)
      return
    }
    const nodes = [...(this.#drawn?.nodes ?? [])].sort(
      (a, b) => STATES.indexOf(a.worst) - STATES.indexOf(b.worst) || (a.id < b.id ? -1 : 1),
    )
    const at = nodes.findIndex(({ id }) => id === this.#chosen?.id)
    const next = nodes[(at + step + nodes.length) % nodes.length]
    if (next !== undefined) this.#choose({ kind: next.kind, id: next.id }, true)
  }

  stop(): void {
    this.#isStopped = true
    this.#dropGraph()
  }

  async #draw(): Promise<void> {
    if (this.#answer === undefined || this.#answer.paths.length === 0) return
    const drawn = drawnOf(this.#answer, { opened: this.#opened, hidden: this.#hidden, search: this.#around.search() })
    this.#drawn = drawn
    const paths = drawn.edges.flatMap((edge) => edge.paths)
    this.#drawTools(drawn)
    this.#tell(drawn, paths)
    if (this.#isList) {
      this.#dropGraph()
      fill(this.#list, paths.length === 0 ? nothingFound() : mapList(paths))
      if (this.#list.parentElement !== this.#stage) fill(this.#stage, this.#list)
    } else {
      const graph = await this.#openGraph()
      if (graph === undefined) return
      graph.draw(drawn, this.#incidentCounts())
    }
    this.#choose(this.#chosen)
  }

  /** undefined where it is not wanted, or not any more. */
  async #openGraph(): Promise<MapGraph | undefined> {
    if (this.#isList) return undefined
    const { MapGraph } = await loadGraph()
    if (this.#isStopped || this.#isList || this.#answer?.paths.length === 0) return undefined
    if (this.#canvas.parentElement !== this.#stage) fill(this.#stage, this.#canvas)
    this.#graph ??= new MapGraph(this.#canvas, (chosen) => this.#onChoose(chosen))
    return this.#graph
  }

  #dropGraph(): void {
    this.#graph?.stop()
    this.#graph = undefined
  }

  #tell({ nodes, isGrouped }: Drawn, paths: readonly MapPath[]): void {
    const { services, more } = this.#answer!
    const shown = new Set(paths.flatMap(({ source, destination }) => [source, destination])).size
    const of = shown === services.length ? '' : ` of ${count(services.length)}`
    const text = `${count(shown)}${of} ${shown === 1 && of === '' ? 'service' : 'services'}, ${counted(paths.length, 'path')} in ${this.#around.range.text()}${more ? ', those that stand out and the busiest' : ''}.`
    fill(this.#summary, text)
    setAttribute(
      this.#canvas,
      'aria-label',
      `Service map: ${text} ${isGrouped ? `${nodes.length} boxes are drawn.` : ''} The list shows the same.`,
    )
  }

  #drawTools({ isGrouped, namespaces }: Drawn): void {
    const choice = (text: string, isList: boolean) =>
      button(
        { 'aria-pressed': this.#isList === isList },
        () => {
          this.#isList = isList
          this.#draw()
        },
        text,
      )
    const all = namespaces.every((one) => this.#opened.has(one))
    const group = button(
      {},
      () => {
        if (all) this.#opened.clear()
        else for (const one of namespaces) this.#opened.add(one)
        this.#draw()
      },
      all ? 'Close namespaces' : 'Open all namespaces',
    )
    const zoom = [
      button({ 'aria-label': 'Smaller' }, () => this.#graph?.zoomBy(1 / 1.25), '−'),
      button({ 'aria-label': 'Larger' }, () => this.#graph?.zoomBy(1.25), '+'),
      button({}, () => this.#graph?.fit(), 'Fit'),
    ]
    const focused = this.#tools.contains(document.activeElement) ? document.activeElement?.textContent : undefined
    fill(
      this.#tools,
      isGrouped && !this.#isList ? group : null,
      ...(this.#isList ? [] : zoom),
      h(
        'span',
        { class: 'pair-of', role: 'group', 'aria-label': 'Shown as' },
        choice('Map', false),
        choice('List', true),
      ),
    )
    if (focused !== undefined)
      [...this.#tools.querySelectorAll('button')].find(({ textContent }) => textContent === focused)?.focus()
  }

  #onChoose(chosen: Chosen | undefined): void {
    if (chosen?.kind === 'namespace') {
      const node = this.#node(chosen.id)
      if (node !== undefined) this.#opened.add(node.namespace)
      this.#chosen = undefined
      this.#draw()
    } else this.#choose(chosen)
  }

  #choose(chosen: Chosen | undefined, follow = false): void {
    this.#chosen = chosen
    this.#graph?.choose(chosen?.id, { follow })
    const scroll = this.#panel.scrollTop
    fill(this.#panel, ...this.#panelOf(chosen))
    this.#panel.scrollTop = scroll
  }

  #panelOf(chosen: Chosen | undefined): HTMLElement[] {
    const drawn = this.#drawn!
    const paths = drawn.edges.flatMap((edge) => edge.paths)
    const edge = drawn.edges.find(({ id }) => id === chosen?.id)
    if (edge !== undefined) return edgePanel(edge.paths, drawn, edge)
    const node = chosen === undefined ? undefined : this.#node(chosen.id)
    if (node === undefined) return standingOut(paths)
    if (node.kind === 'namespace') {
      const open = button({ class: 'primary' }, () => this.#onChoose({ kind: 'namespace', id: node.id }), 'Open it')
      const within = drawn.edges.filter(({ source, destination }) => source === node.id || destination === node.id)
      return [
        h('h2', { class: 'name' }, node.name),
        h('p', { class: 'quiet' }, counted(node.services, 'service')),
        open,
        ...standingOut(within.flatMap((one) => one.paths)),
      ]
    }
    const close = drawn.isGrouped && this.#opened.has(node.namespace) ? () => this.#close(node.namespace) : undefined
    return servicePanel(
      node,
      paths,
      this.#incidents.filter((one) => namesOf(one).includes(node.name)),
      close,
    )
  }

  #close(namespace: string): void {
    this.#opened.delete(namespace)
    this.#chosen = undefined
    this.#draw()
  }

  #node(id: string): MapNode | undefined {
    return this.#drawn?.nodes.find((node) => node.id === id)
  }

  /** By service, and by namespace. */
  #incidentCounts(): Map<string, number> {
    const groups = new Map(this.#answer!.services.map((service) => [service.name, groupOf(service)]))
    const counts = new Map<string, number>()
    for (const incident of this.#incidents) {
      const names = namesOf(incident)
      const all = new Set([...names, ...names.flatMap((name) => groups.get(name) ?? [])])
      for (const name of all) counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    return counts
  }
}

/** Services that it is about. */
function namesOf({ sources, destinations }: Incident): string[] {
  return [...new Set([...destinations, ...sources.map(identityName)])]
}

function nothingFound(): HTMLElement {
  return h('p', { class: 'empty' }, 'No path is like that. Another search, or the states below, show others.')
}
