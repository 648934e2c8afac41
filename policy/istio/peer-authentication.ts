/**
 * Istio PeerAuthentication (API security/v1, peer_authentication.proto): whether plain text is refused. The most specific mode
 * wins: port, workload, namespace, mesh; UNSET inherits; within one scope the oldest object wins; without any, PERMISSIVE.
 */
import { z } from 'zod'
import { type Labels, LabelsField, Metadata, selects } from '../kubernetes/metadata.ts'

export type Mode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT'

export interface PeerAuthentication {
  namespace: string
  name: string
  /** RFC 3339, '' where not told. */
  created: string
  /** Empty where it holds for all workloads of its scope. */
  selector: Labels
  mode: Mode
  /** By port of the workload. */
  ports: ReadonlyMap<number, Mode>
}

const Mtls = z.object({ mode: z.enum(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']).nullish() }).nullish()

export const PeerAuthenticationObject = z
  .object({
    metadata: Metadata,
    spec: z
      .object({
        selector: z.object({ matchLabels: LabelsField }).nullish(),
        mtls: Mtls,
        portLevelMtls: z.record(z.string().regex(/^\d{1,5}$/, 'must be a port number'), Mtls).nullish(),
      })
      .nullish(),
  })
  .transform(
    ({ metadata: { namespace, name, creationTimestamp }, spec }): PeerAuthentication => ({
      namespace,
      name,
      created: creationTimestamp,
      selector: spec?.selector?.matchLabels ?? {},
      mode: spec?.mtls?.mode ?? 'UNSET',
      ports: new Map(
        Object.entries(spec?.portLevelMtls ?? {}).map(([port, mtls]) => [Number(port), mtls?.mode ?? 'UNSET'] as const),
      ),
    }),
  )

export interface ModeOf {
  mode: Mode
  /** `namespace/name` of the object that sets it; `default` where none does. */
  by: string
}

export interface WorkloadModes {
  /** Mode of a port of the workload; undefined where the port is not known (0) and ports differ. */
  at(port: number): ModeOf | undefined
  /** Equal where two workloads have equal modes. */
  signature: string
}

export class PeerAuthentications {
  readonly #byNamespace = new Map<string, PeerAuthentication[]>()
  readonly #rootNamespace: string

  constructor(declared: readonly PeerAuthentication[], rootNamespace: string) {
    this.#rootNamespace = rootNamespace
    const oldestFirst = [...declared].sort((a, b) => order(a.created, b.created) || order(a.name, b.name))
    for (const each of oldestFirst) {
      const before = this.#byNamespace.get(each.namespace)
      if (before === undefined) this.#byNamespace.set(each.namespace, [each])
      else before.push(each)
    }
  }

  modesOf(namespace: string, labels: Labels): WorkloadModes {
    const mesh = this.#byNamespace.get(this.#rootNamespace)?.find(isForAll)
    const local = namespace === this.#rootNamespace ? [] : (this.#byNamespace.get(namespace) ?? [])
    const own = local.find((each) => !isForAll(each) && selects(each.selector, labels))
    const setter = [own, local.find(isForAll), mesh].find((each) => each !== undefined && each.mode !== 'UNSET')
    const general: ModeOf =
      setter === undefined ? { mode: 'PERMISSIVE', by: 'default' } : { mode: setter.mode, by: nameOf(setter) }
    const ports = own?.ports ?? new Map<number, Mode>()
    const differ = [...ports.values()].some((mode) => mode !== 'UNSET' && mode !== general.mode)
    return {
      signature: `${general.by} ${own === undefined ? '' : nameOf(own)}`,
      at(port) {
        if (port === 0) return differ ? undefined : general
        const mode = ports.get(port) ?? 'UNSET'
        return own === undefined || mode === 'UNSET' ? general : { mode, by: nameOf(own) }
      },
    }
  }
}

const isForAll = ({ selector }: PeerAuthentication): boolean => Object.keys(selector).length === 0
const nameOf = ({ namespace, name }: PeerAuthentication): string => `${namespace}/${name}`
/** An object without a time counts as the youngest. */
const order = (a: string, b: string): number => (a === b ? 0 : a === '' || (b !== '' && a > b) ? 1 : -1)
