/** Which part of the program a thread's busy time goes to, by V8's sampling profiler. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { join } from 'node:path'

/** The outermost of these on the stack has the time; what they call in `core` and `policy` is theirs. */
const ROLES = new Set(['collector', 'detectors', 'storage', 'alerts'])

export interface ThreadShares {
  thread: 'main' | 'collector'
  /** Share of each role in the samples in which the thread was busy; `core` without a role is the bus, `runtime` Node itself. */
  shares: Record<string, number>
}

/** Of the profiles that `node --cpu-prof` left in a folder, one for each thread. */
export function sharesIn(folder: string): ThreadShares[] {
  return readdirSync(folder).map((name) => {
    const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profiler.Profile
    const isThread = profile.nodes.some(({ callFrame }) => callFrame.url.endsWith('/collector/thread/main.js'))
    return { thread: isThread ? 'collector' : 'main', shares: sharesOf(profile) }
  })
}

function sharesOf({ nodes }: Profiler.Profile): Record<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const hits = new Map<string, number>()
  const visit = (node: Profiler.ProfileNode, caller: string): void => {
    const { functionName, url } = node.callFrame
    const folder = /\/dist\/([a-z]+)\//.exec(url)?.[1]
    const owner = ownerOf(folder, caller)
    const part = functionName === '(garbage collector)' ? 'garbage collection' : owner
    if (functionName !== '(idle)') hits.set(part, (hits.get(part) ?? 0) + (node.hitCount ?? 0))
    for (const id of node.children ?? []) visit(byId.get(id)!, owner)
  }
  visit(nodes[0]!, 'runtime')
  const all = [...hits.values()].reduce((sum, count) => sum + count, 0)
  return Object.fromEntries([...hits].map(([part, count]) => [part, count / all]))
}

function ownerOf(folder: string | undefined, caller: string): string {
  if (folder === undefined || ROLES.has(caller)) return caller
  return ROLES.has(folder) || folder === 'core' ? folder : caller
}
