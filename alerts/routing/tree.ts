/** Where an incident goes: the tree of routes, as in Alertmanager. Pure. */
import { createHash } from 'node:crypto'
import { HOUR, SECOND } from '../../core/clock.ts'
import { clip } from '../clip.ts'
import type { Label, Labels } from '../labels.ts'
import { type Matcher, parseMatcher, someMatch } from '../matcher.ts'
import type { RootRoute, RouteConfig } from './config.ts'
import { isIn, type TimeInterval } from './intervals.ts'

const MAX_GROUP_LABEL = 300

export interface RouteOptions {
  groupBy: readonly Label[]
  waitUs: number
  intervalUs: number
  /** 0: never. */
  repeatUs: number
  mute: readonly TimeInterval[]
  active: readonly TimeInterval[]
}

/** A receiver, and how this route tells it. */
export interface Destination {
  receiver: string
  /** Where in the configuration the route stands, such as `route.routes[2].routes[0]`. */
  route: string
  options: RouteOptions
}

interface Node {
  path: string
  matchers: readonly Matcher[]
  continues: boolean
  receivers: readonly string[]
  options: RouteOptions
  children: readonly Node[]
}

const DEFAULTS: RouteOptions = {
  groupBy: ['cause'],
  waitUs: 0.5 * SECOND,
  intervalUs: 60 * SECOND,
  repeatUs: 12 * HOUR,
  mute: [],
  active: [],
}

export class Router {
  readonly #root: Node

  constructor(route: RootRoute, receivers: readonly string[], intervals: readonly TimeInterval[]) {
    const root = { ...route, match: [], continue: false }
    this.#root = nodeOf(root, 'route', { receivers, options: DEFAULTS }, intervals)
  }

  /** Each receiver once, by the first route that leads to it. */
  destinations(labels: Labels): Destination[] {
    const found = new Map<string, Destination>()
    for (const { receivers, path, options } of taken(this.#root, labels)) {
      for (const receiver of receivers) {
        if (!found.has(receiver)) found.set(receiver, { receiver, route: path, options })
      }
    }
    return [...found.values()]
  }
}

/** Nothing is told now by this route. */
export function isMuted({ mute, active }: RouteOptions, now: number): boolean {
  return mute.some((interval) => isIn(interval, now)) || (active.length > 0 && !active.some((one) => isIn(one, now)))
}

export interface GroupName {
  key: string
  labels: Readonly<Record<string, string>>
}

/** The group that an incident of these labels is told in. */
export function groupOf({ receiver, route, options }: Destination, labels: Labels): GroupName {
  const own = Object.fromEntries(
    options.groupBy.map((label) => [label, clip([...labels[label]].sort().join(', '), MAX_GROUP_LABEL)]),
  )
  const hash = createHash('sha256').update(JSON.stringify([receiver, route, own]))
  return { key: hash.digest('hex').slice(0, 32), labels: own }
}

function taken(node: Node, labels: Labels): Node[] {
  const found: Node[] = []
  for (const child of node.children) {
    if (!someMatch(child.matchers, labels)) continue
    found.push(...taken(child, labels))
    if (!child.continues) break
  }
  return found.length === 0 ? [node] : found
}

function nodeOf(
  config: RouteConfig,
  path: string,
  above: Pick<Node, 'receivers' | 'options'>,
  intervals: readonly TimeInterval[],
): Node {
  const named = (names: readonly string[] | undefined) => names && intervals.filter(({ name }) => names.includes(name))
  const times = (amount: number | undefined, unit: number) => (amount === undefined ? undefined : amount * unit)
  const own: Pick<Node, 'receivers' | 'options'> = {
    receivers: config.receivers ?? above.receivers,
    options: {
      groupBy: config.groupBy ?? above.options.groupBy,
      waitUs: times(config.groupWaitSeconds, SECOND) ?? above.options.waitUs,
      intervalUs: times(config.groupIntervalSeconds, SECOND) ?? above.options.intervalUs,
      repeatUs: times(config.repeatHours, HOUR) ?? above.options.repeatUs,
      mute: named(config.muteDuring) ?? above.options.mute,
      active: named(config.activeDuring) ?? above.options.active,
    },
  }
  return {
    ...own,
    path,
    matchers: config.match.map(parseMatcher),
    continues: config.continue,
    children: config.routes.map((child, i) => nodeOf(child, `${path}.routes[${i}]`, own, intervals)),
  }
}
