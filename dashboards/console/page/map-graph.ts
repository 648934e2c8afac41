/** Draws the map, moves and zooms it, says what was chosen. Text goes onto a canvas: nothing in it can become an element. */
import cytoscape, { type Core, type ElementDefinition } from 'cytoscape'
import type { PathState } from '../data/path-state.ts'
import { setAttribute } from './dom.ts'
import { counted, cut } from './format.ts'
import { harmless } from './harmless.ts'
import { type Bends, type Layout, layout, type Point, widthOf } from './map-layout.ts'
import type { Drawn, MapEdge, MapNode } from './map-model.ts'
import { mapStyle } from './map-style.ts'
import { STATE_WORDS, stateText } from './path-words.ts'
import { onTheme } from './theme.ts'

/** From more edges on, what moves is drawn as one picture. */
const MANY_EDGES = 400
const LONGEST_LABEL = 26
const STEP = 60
const ZOOM = 1.25

export interface Chosen {
  kind: 'service' | 'namespace' | 'edge'
  id: string
}

export class MapGraph {
  readonly #container: HTMLElement
  readonly #onChoose: (chosen: Chosen | undefined) => void
  readonly #offTheme: () => void
  #layout: Layout = { places: new Map(), bends: new Map(), headings: [], isTangle: false }
  #cy: Core
  #isLarge = false

  constructor(container: HTMLElement, onChoose: (chosen: Chosen | undefined) => void) {
    this.#container = container
    this.#onChoose = onChoose
    this.#cy = this.#open()
    this.#offTheme = onTheme(() => this.#cy.style(mapStyle()))
    container.addEventListener('keydown', (event) => {
      if (this.#onKey(event.key)) event.preventDefault()
    })
  }

  draw(drawn: Drawn, incidents: ReadonlyMap<string, number>): void {
    const isLarge = drawn.edges.length > MANY_EDGES
    if (isLarge !== this.#isLarge) {
      this.#isLarge = isLarge
      this.#cy.destroy()
      this.#cy = this.#open()
    }
    const cy = this.#cy
    const labels = new Map(
      drawn.nodes.map((node) => [node.id, labelText(node, drawn.namespaces.length > 1, incidents)]),
    )
    const widthOfNode = ({ id }: MapNode) => Math.max(...labels.get(id)!.split('\n').map(widthOf))
    const isMoved = !this.#stands(drawn)
    if (isMoved) this.#layout = layout(drawn, widthOfNode)
    const { bends, headings, places, isTangle } = this.#layout
    const elements = [
      ...drawn.nodes.map((node) => nodeOf(node, labels.get(node.id)!, widthOfNode(node))),
      ...headings.map(headingOf),
      ...drawn.edges.filter(isDrawn).map((edge) => edgeOf(edge, bends.get(edge.id), isTangle)),
    ]
    const wanted = new Set(elements.map(({ data }) => data.id))
    cy.batch(() => {
      cy.elements()
        .filter((one) => !wanted.has(one.id()))
        .remove()
      const added = elements.filter(({ data, classes = '' }) => {
        const known = cy.getElementById(data.id!)
        if (known.empty()) return true
        if (JSON.stringify(known.data()) !== JSON.stringify(data)) known.data(data)
        known.toggleClass('tangled', classes === 'tangled')
        return false
      })
      cy.add(added)
      if (!isMoved) return
      const over = new Map(headings.map(({ text, at }) => [headingId(text), at]))
      cy.nodes().positions((node) => places.get(node.id()) ?? over.get(node.id()) ?? { x: 0, y: 0 })
    })
    if (isMoved) this.fit()
    setAttribute(this.#container, 'data-drawn', `${drawn.nodes.length} ${drawn.edges.length}`)
  }

  /** Marks it and what it touches; nothing for undefined. */
  choose(id: string | undefined, { follow = false } = {}): void {
    const cy = this.#cy
    cy.batch(() => {
      cy.elements().removeClass('faint near').unselect()
      if (id === undefined) return
      const one = cy.getElementById(id)
      if (one.empty()) return
      one.select()
      const ends: cytoscape.CollectionReturnValue = cy.collection().union(one).union(one.connectedNodes())
      const near = one.isNode() ? one.closedNeighborhood() : ends
      near.addClass('near')
      cy.elements().difference(near).addClass('faint')
    })
    if (id !== undefined && follow) cy.center(cy.getElementById(id))
  }

  fit(): void {
    this.#cy.resize()
    this.#cy.fit(undefined, 36)
    // A handful of services is not blown up.
    if (this.#cy.zoom() > 1.3) {
      this.#cy.zoom(1.3)
      this.#cy.center()
    }
  }

  zoomBy(factor: number): void {
    const { clientWidth, clientHeight } = this.#container
    this.#cy.zoom({ level: this.#cy.zoom() * factor, renderedPosition: { x: clientWidth / 2, y: clientHeight / 2 } })
  }

  stop(): void {
    this.#offTheme()
    this.#cy.destroy()
  }

  /** Where the nodes are the same as before, they stay where they are. */
  #stands({ nodes }: Drawn): boolean {
    const { places } = this.#layout
    return nodes.length === places.size && nodes.every(({ id }) => places.has(id)) && this.#cy.nodes().nonempty()
  }

  #open(): Core {
    const cy = cytoscape({
      container: this.#container,
      style: mapStyle(),
      minZoom: 0.05,
      maxZoom: 3,
      autoungrabify: true,
      boxSelectionEnabled: false,
      textureOnViewport: this.#isLarge,
      layout: { name: 'preset' },
    })
    cy.on('tap', ({ target }) => {
      if (target === cy || target.data('kind') === 'heading') return this.#onChoose(undefined)
      this.#onChoose({ kind: target.isEdge() ? 'edge' : target.data('kind'), id: target.id() })
    })
    return cy
  }

  #onKey(key: string): boolean {
    const by: Record<string, Point> = {
      ArrowLeft: { x: STEP, y: 0 },
      ArrowRight: { x: -STEP, y: 0 },
      ArrowUp: { x: 0, y: STEP },
      ArrowDown: { x: 0, y: -STEP },
    }
    if (Object.hasOwn(by, key)) this.#cy.panBy(by[key]!)
    else if (key === '+' || key === '=') this.zoomBy(ZOOM)
    else if (key === '-') this.zoomBy(1 / ZOOM)
    else if (key === '0') this.fit()
    else return false
    return true
  }
}

function labelText(node: MapNode, isQualified: boolean, incidents: ReadonlyMap<string, number>): string {
  const { kind, name, services, worst } = node
  const open = incidents.get(name) ?? 0
  if (kind === 'namespace') {
    const { sign, word } = STATE_WORDS[worst]
    const alarms = [isPlain(worst) ? '' : `${sign} ${word}`, open === 0 ? '' : `▲ ${open}`].filter((one) => one !== '')
    return `${cut(harmless(name), LONGEST_LABEL)}\n${[counted(services, 'service'), ...alarms].join(', ')}`
  }
  const alarm = open === 0 ? '' : `\n▲ ${counted(open, 'incident')}`
  return cut(harmless(isQualified ? name : name.replace(/\.[^.]+$/, '')), LONGEST_LABEL) + alarm
}

function isPlain(state: PathState): boolean {
  return state === 'authorised' || state === 'undecided'
}

function nodeOf({ id, kind, worst }: MapNode, label: string, width: number): ElementDefinition {
  return { group: 'nodes', data: { id, kind, worst, label, width } }
}

const headingId = (text: string) => `heading ${text}`

function headingOf({ text }: Layout['headings'][number]): ElementDefinition {
  return {
    group: 'nodes',
    data: { id: headingId(text), kind: 'heading', label: cut(harmless(text), LONGEST_LABEL) },
    selectable: false,
  }
}

/** Calls within a closed namespace are told by its sign. */
function isDrawn({ source, destination }: MapEdge): boolean {
  return source !== destination || source.startsWith('service ')
}

function edgeOf(edge: MapEdge, bends: Bends | undefined, isTangle: boolean): ElementDefinition {
  const [state] = edge.states
  const label = isPlain(state!) ? '' : stateText(state!, edge)
  return {
    group: 'edges',
    data: { id: edge.id, source: edge.source, target: edge.destination, state, label, ...bends },
    classes: isTangle ? 'tangled' : '',
  }
}
