/** Which part of the program the CPU of this process goes to, by V8's sampling profiler. */
import { type Profiler, Session } from 'node:inspector/promises'

const INTERVAL_US = 1000
/** The outermost of these on the stack has the time; what they call in `core` and `policy` is theirs. */
const ROLES = new Set(['collector', 'detectors', 'storage', 'alerts'])

export class Shares {
  readonly #session = new Session()

  async start(): Promise<void> {
    this.#session.connect()
    await this.#session.post('Profiler.enable')
    await this.#session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US })
    await this.#session.post('Profiler.start')
  }

  /** Share of each role in the time the process was busy; `core` without a role is the bus, `runtime` transport and Node itself. */
  async stop(): Promise<Record<string, number>> {
    const { profile } = await this.#session.post('Profiler.stop')
    this.#session.disconnect()
    return sharesOf(profile)
  }
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
