/** What of the map is drawn: services, or their namespaces where there are too many; paths between them, summed. Pure. */
import type { MapAnswer, MapPath, MapService } from '../data/map.ts'
import type { PathState } from '../data/path-state.ts'
import { STATES, type Totals } from './path-words.ts'

/** From more services on, namespaces are closed until somebody opens them. */
export const MOST_OPEN = 60
const NONE = '(no namespace)'

export interface MapNode {
  id: string
  name: string
  kind: 'service' | 'namespace'
  namespace: string
  services: number
  /** The worst of its paths. */
  worst: PathState
}

export interface MapEdge extends Totals {
  id: string
  source: string
  destination: string
  states: PathState[]
  paths: MapPath[]
}

export interface Drawn {
  nodes: MapNode[]
  edges: MapEdge[]
  /** Namespaces that are or may be closed. */
  namespaces: string[]
  isGrouped: boolean
}

export interface Wanted {
  /** Namespaces that are open; only where they are closed by default. */
  opened: ReadonlySet<string>
  hidden: ReadonlySet<PathState>
  search: string
}

export const groupOf = ({ namespace }: Pick<MapService, 'namespace'>): string => namespace || NONE
const nodeOfNamespace = (namespace: string) => `namespace ${namespace}`
const nodeOfService = (name: string) => `service ${name}`

export function drawn({ services, paths }: MapAnswer, { opened, hidden, search }: Wanted): Drawn {
  const found = search.toLowerCase()
  const shown = paths.filter((path) => path.states.some((state) => !hidden.has(state)) && matches(path, found))
  const names = new Set(shown.flatMap(({ source, destination }) => [source, destination]))
  const left = services.filter(({ name }) => names.has(name))
  const byNamespace = groupedBy(left, groupOf)
  const isGrouped = left.length > MOST_OPEN && byNamespace.size > 1
  const isClosed = (namespace: string) => isGrouped && !opened.has(namespace) && byNamespace.get(namespace)!.length > 1
  const nodes = new Map<string, MapNode>()
  const nodeOf = new Map<string, string>()
  for (const [namespace, within] of byNamespace) {
    const closed = isClosed(namespace)
    for (const { name } of within) {
      const id = closed ? nodeOfNamespace(namespace) : nodeOfService(name)
      nodeOf.set(name, id)
      const base = { id, namespace, worst: 'authorised' as PathState }
      nodes.set(
        id,
        closed
          ? { ...base, kind: 'namespace', name: namespace, services: within.length }
          : { ...base, kind: 'service', name, services: 1 },
      )
    }
  }
  const edges = edgesOf(shown, nodeOf)
  for (const { source, destination, states } of edges) {
    for (const id of [source, destination]) {
      const node = nodes.get(id)!
      node.worst = worstOf([node.worst, ...states])
    }
  }
  return { nodes: [...nodes.values()], edges, namespaces: [...byNamespace.keys()].sort(), isGrouped }
}

function matches({ source, destination, pair, states }: MapPath, search: string): boolean {
  return (
    search === '' ||
    [source, destination, pair.sourceIdentity, ...states].some((text) => text.toLowerCase().includes(search))
  )
}

function edgesOf(paths: readonly MapPath[], nodeOf: ReadonlyMap<string, string>): MapEdge[] {
  const edges = new Map<string, MapEdge>()
  for (const path of paths) {
    const [source, destination] = [nodeOf.get(path.source)!, nodeOf.get(path.destination)!]
    // What goes on within a closed namespace is told by its own sign.
    const id = `${source} > ${destination}`
    const edge = edges.get(id) ?? {
      id,
      source,
      destination,
      states: [],
      paths: [],
      requests: 0,
      denied: 0,
      plaintext: 0,
      errors: 0,
      tlsFailures: 0,
      outside: 0,
    }
    edge.paths.push(path)
    edge.states = STATES.filter((state) => edge.states.includes(state) || path.states.includes(state))
    edge.requests += path.requests
    edge.denied += path.denied
    edge.plaintext += path.plaintext
    edge.errors += path.errors
    edge.tlsFailures += path.tlsFailures
    edge.outside += path.outside
    edges.set(id, edge)
  }
  return [...edges.values()]
}

export function worstOf(states: readonly PathState[]): PathState {
  return STATES.find((state) => states.includes(state)) ?? 'authorised'
}

export function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
