/** Where what is drawn stands: callers left of what they call, or a block for each namespace where that would be a tangle. */
import dagre from '@dagrejs/dagre'
import { type Drawn, groupedBy, type MapEdge, type MapNode } from './map-model.ts'

export interface Point {
  x: number
  y: number
}

/** How a line goes round what stands in its way: shares of the straight line, and distances from it. */
export interface Bends {
  weights: string
  distances: string
}

export interface Layout {
  places: Map<string, Point>
  /** By edge; straight ones have none. */
  bends: Map<string, Bends>
  /** Names of namespaces, over their blocks. */
  headings: { text: string; at: Point }[]
  /** There are so many lines that those alone are told apart that stand out. */
  isTangle: boolean
}

/** Past these, layers take long and help nobody. */
const MOST_NODES = 80
const MOST_EDGES_A_NODE = 2.5
export const NODE_HEIGHT = 38
const GAP = 26
/** How much wider than high. */
const WIDE = 1.8

/** Of a label in the map's font, about. */
export function widthOf(label: string): number {
  return Math.max(72, Math.min(230, 22 + label.length * 7.6))
}

export function layout({ nodes, edges }: Drawn, widthOfNode: (node: MapNode) => number): Layout {
  const ordered = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1))
  const isTangle = nodes.length > MOST_NODES || edges.length > MOST_EDGES_A_NODE * nodes.length
  return isTangle ? blocks(ordered) : layers(ordered, edges, widthOfNode)
}

function layers(nodes: readonly MapNode[], edges: readonly MapEdge[], widthOfNode: (node: MapNode) => number): Layout {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 125, edgesep: 22 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const node of nodes) graph.setNode(node.id, { width: widthOfNode(node), height: NODE_HEIGHT })
  const drawn = edges.filter(({ source, destination }) => source !== destination)
  for (const { source, destination } of drawn.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    graph.setEdge(source, destination)
  }
  dagre.layout(graph)
  const places = new Map(nodes.map(({ id }) => [id, { x: graph.node(id).x!, y: graph.node(id).y! }]))
  const bends = new Map<string, Bends>()
  for (const { id, source, destination } of drawn) {
    const points: Point[] = graph.edge(source, destination).points ?? []
    // Both ends and a middle: it spans one layer, and nothing is in its way.
    if (points.length > 3) bends.set(id, bendsOf(places.get(source)!, places.get(destination)!, points.slice(1, -1)))
  }
  return { places, bends, headings: [], isTangle: false }
}

function bendsOf(from: Point, to: Point, points: readonly Point[]): Bends {
  const [dx, dy] = [to.x - from.x, to.y - from.y]
  const length = Math.hypot(dx, dy)
  const along = ({ x, y }: Point) => ((x - from.x) * dx + (y - from.y) * dy) / length ** 2
  const beside = ({ x, y }: Point) => ((y - from.y) * dx - (x - from.x) * dy) / length
  return {
    weights: points.map((point) => Math.min(1, Math.max(0, along(point))).toFixed(4)).join(' '),
    distances: points.map((point) => beside(point).toFixed(1)).join(' '),
  }
}

/** Namespaces as blocks in rows, and what stands alone as one more; the whole about as wide as a screen. */
function blocks(nodes: readonly MapNode[]): Layout {
  const [stepX, stepY] = [250, NODE_HEIGHT + GAP]
  const groups = [...groupedBy(nodes, ({ namespace }) => namespace)].sort(([, a], [, b]) => b.length - a.length)
  const together = groups.filter(([, within]) => within.length > 1)
  const alone = groups.flatMap(([, within]) => (within.length > 1 ? [] : within))
  const sized = [...together, ['', alone] as const].map(([heading, within]) => {
    const columns = Math.max(1, Math.round(Math.sqrt((within.length * stepY * WIDE) / stepX)))
    const height = Math.ceil(within.length / columns) * stepY + (heading === '' ? 0 : stepY)
    return { heading, within, columns, width: columns * stepX, height }
  })
  const [gapX, gapY] = [GAP * 3, GAP * 4]
  const area = sized.reduce((sum, { width, height }) => sum + (width + gapX) * (height + gapY), 0)
  const rowWidth = Math.max(...sized.map(({ width }) => width), Math.sqrt(area * WIDE))
  const places = new Map<string, Point>()
  const headings: Layout['headings'] = []
  let [x, y, rowHeight] = [0, 0, 0]
  for (const { heading, within, columns, width, height } of sized) {
    if (x > 0 && x + width > rowWidth) [x, y, rowHeight] = [0, y + rowHeight + gapY, 0]
    if (heading !== '') headings.push({ text: heading, at: { x: x + width / 2, y } })
    const top = y + (heading === '' ? 0 : stepY)
    for (const [at, { id }] of within.entries()) {
      places.set(id, { x: x + (at % columns) * stepX + stepX / 2, y: top + Math.floor(at / columns) * stepY })
    }
    x += width + gapX
    rowHeight = Math.max(rowHeight, height)
  }
  return { places, bends: new Map(), headings, isTangle: true }
}
