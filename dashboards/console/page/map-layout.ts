/** Where what is drawn stands: callers left of what they call, or a block for each namespace where that would be a tangle. */
import dagre from '/lib/dagre.js'
import { type Drawn, groupedBy, type MapNode } from './map-model.ts'

export interface Point {
  x: number
  y: number
}

/** Past these, layers take long and help nobody. */
const MOST_NODES = 80
const MOST_EDGES = 220
export const NODE_HEIGHT = 38
const GAP = 26

/** Of a label in the map's font, about. */
export function widthOf(label: string): number {
  return Math.max(72, Math.min(230, 22 + label.length * 7.6))
}

export function layout({ nodes, edges }: Drawn, labelOf: (node: MapNode) => string): Map<string, Point> {
  const width = (node: MapNode) => widthOf(labelOf(node))
  const ordered = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1))
  return nodes.length <= MOST_NODES && edges.length <= MOST_EDGES ? layers(ordered, edges, width) : blocks(ordered)
}

function layers(
  nodes: readonly MapNode[],
  edges: Drawn['edges'],
  width: (node: MapNode) => number,
): Map<string, Point> {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 30, ranksep: 130, edgesep: 18 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const node of nodes) graph.setNode(node.id, { width: width(node), height: NODE_HEIGHT })
  for (const { source, destination } of [...edges].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    if (source !== destination) graph.setEdge(source, destination)
  }
  dagre.layout(graph)
  return new Map(nodes.map(({ id }) => [id, { x: graph.node(id).x as number, y: graph.node(id).y as number }]))
}

/** Namespaces as blocks in rows, the services of each in a square; a row is as wide as the whole is high, about. */
function blocks(nodes: readonly MapNode[]): Map<string, Point> {
  const [stepX, stepY] = [250, NODE_HEIGHT + GAP]
  const groups = [...groupedBy(nodes, ({ namespace }) => namespace)].sort(([, a], [, b]) => b.length - a.length)
  const sized = groups.map(([, within]) => {
    const columns = Math.max(1, Math.round(Math.sqrt((within.length * stepY) / stepX)))
    return { within, columns, width: columns * stepX, height: Math.ceil(within.length / columns) * stepY }
  })
  const area = sized.reduce((sum, { width, height }) => sum + (width + GAP * 3) * (height + GAP * 4), 0)
  const rowWidth = Math.max(...sized.map(({ width }) => width), Math.sqrt(area * 1.7))
  const places = new Map<string, Point>()
  let [x, y, rowHeight] = [0, 0, 0]
  for (const { within, columns, width, height } of sized) {
    if (x > 0 && x + width > rowWidth) [x, y, rowHeight] = [0, y + rowHeight + GAP * 4, 0]
    within.forEach(({ id }, at) => {
      places.set(id, { x: x + (at % columns) * stepX + stepX / 2, y: y + Math.floor(at / columns) * stepY })
    })
    x += width + GAP * 3
    rowHeight = Math.max(rowHeight, height)
  }
  return places
}
