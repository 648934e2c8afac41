/** Draws the map, moves and zooms it, says what was chosen. Text goes onto a canvas: nothing in it can become an element. */
import cytoscape, { type Core, type ElementDefinition } from '/lib/cytoscape.js'
import { setAttribute } from './dom.ts'
import { counted, cut } from './format.ts'
import { layout, type Point, widthOf } from './map-layout.ts'
import type { Drawn, MapEdge, MapNode } from './map-model.ts'
import { mapStyle } from './map-style.ts'
import { stateText } from './path-words.ts'
import { onTheme } from './theme.ts'

/** From more edges on, what moves is drawn as one picture, and labels stand at what is chosen only. */
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
  readonly #places = new Map<string, Point>()
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
    const labelOf = (node: MapNode) => labelText(node, drawn.namespaces.length > 1, incidents)
    const isMoved = this.#place(drawn, labelOf)
    const elements = [
      ...drawn.nodes.map((node) => nodeOf(node, labelOf(node))),
      ...drawn.edges.map((edge) => edgeOf(edge, isLarge)),
    ]
    const wanted = new Set(elements.map(({ data }) => data.id))
    cy.batch(() => {
      cy.elements()
        .filter((one) => !wanted.has(one.id()))
        .remove()
      const added = elements.filter(({ data }) => {
        const known = cy.getElementById(data.id!)
        if (known.empty()) return true
        if (JSON.stringify(known.data()) !== JSON.stringify(data)) known.data(data)
        return false
      })
      cy.add(added)
      if (isMoved) cy.nodes().positions((node) => this.#places.get(node.id()) ?? { x: 0, y: 0 })
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

  /** True where the nodes are others than before: then all have new places. */
  #place(drawn: Drawn, labelOf: (node: MapNode) => string): boolean {
    if (
      drawn.nodes.length === this.#places.size &&
      drawn.nodes.every(({ id }) => this.#places.has(id)) &&
      this.#cy.nodes().nonempty()
    )
      return false
    this.#places.clear()
    for (const [id, place] of layout(drawn, labelOf)) this.#places.set(id, place)
    return true
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
      if (target === cy) return this.#onChoose(undefined)
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

function labelText(
  { kind, name, services }: MapNode,
  isQualified: boolean,
  incidents: ReadonlyMap<string, number>,
): string {
  const open = incidents.get(name) ?? 0
  const alarm = open === 0 ? '' : `\n▲ ${counted(open, 'incident')}`
  if (kind === 'namespace')
    return `${cut(name, LONGEST_LABEL)}\n${counted(services, 'service')}${open === 0 ? '' : `, ▲ ${open}`}`
  return cut(isQualified ? name : name.replace(/\.[^.]+$/, ''), LONGEST_LABEL) + alarm
}

function nodeOf({ id, kind, worst }: MapNode, label: string): ElementDefinition {
  const width = Math.max(...label.split('\n').map(widthOf))
  return { group: 'nodes', data: { id, kind, worst, label, width } }
}

function edgeOf(edge: MapEdge, isMany: boolean): ElementDefinition {
  const [state] = edge.states
  const isPlain = state === 'authorised' || state === 'undecided'
  return {
    group: 'edges',
    data: {
      id: edge.id,
      source: edge.source,
      target: edge.destination,
      state,
      label: isPlain ? '' : stateText(state!, edge),
    },
    classes: isMany ? 'many' : '',
  }
}
