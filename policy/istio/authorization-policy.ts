/** Shape of an Istio AuthorizationPolicy (API security/v1, authorization_policy.proto), as far as it decides. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { type Labels, LabelsField, list, Metadata, Name } from '../kubernetes/metadata.ts'

export type Action = 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM'

/** Lists of texts by field name: `principals`, `notPaths` ... Fields unknown here are kept, as they may change the outcome. */
export type Fields = Readonly<Record<string, readonly string[]>>

export interface Rule {
  from: readonly Fields[]
  to: readonly Fields[]
  when: readonly { key: string; values: readonly string[]; notValues: readonly string[] }[]
}

export interface AuthorizationPolicy {
  namespace: string
  name: string
  action: Action
  /** Announced by annotation `istio.io/dry-run`: logged by the proxy, not enforced. */
  dryRun: boolean
  /** Empty where it holds for all workloads. */
  selector: Labels
  targets: readonly { kind: string; name: string; namespace: string }[]
  rules: readonly Rule[]
}

const Value = z.string().max(4096)
const Values = list(Value)
const AddressBlock = z.string().refine(isAddressBlock, 'must be an IP address or a range such as 10.0.0.0/8')
const PortText = z.string().regex(/^\d{1,5}$/, 'must be a port number in quotes')
const Unread = z
  .unknown()
  .transform((value) => (Array.isArray(value) ? value.map(() => '') : value == null ? [] : ['']))

const Source = z
  .object({
    principals: Values,
    notPrincipals: Values,
    requestPrincipals: Values,
    notRequestPrincipals: Values,
    namespaces: Values,
    notNamespaces: Values,
    serviceAccounts: Values,
    notServiceAccounts: Values,
    trustDomains: Values,
    notTrustDomains: Values,
    ipBlocks: list(AddressBlock),
    notIpBlocks: list(AddressBlock),
    remoteIpBlocks: list(AddressBlock),
    notRemoteIpBlocks: list(AddressBlock),
  })
  .catchall(Unread)
const Operation = z
  .object({
    hosts: Values,
    notHosts: Values,
    methods: Values,
    notMethods: Values,
    paths: Values,
    notPaths: Values,
    ports: list(PortText),
    notPorts: list(PortText),
  })
  .catchall(Unread)

const When = z
  .object({ key: z.string().min(1).max(253), values: Values, notValues: Values })
  .superRefine(({ key, values, notValues }, context) => {
    const ofKey = key.endsWith('.ip') ? AddressBlock : key === 'destination.port' ? PortText : Value
    for (const value of [...values, ...notValues]) {
      const message = ofKey.safeParse(value).error?.issues[0]?.message
      if (message !== undefined) context.addIssue({ code: 'custom', message: `${key} ${message}` })
    }
  })

const RuleObject = z.object({
  from: list(z.object({ source: Source.nullish() })).transform((items) => items.map(({ source }) => source ?? {})),
  to: list(z.object({ operation: Operation.nullish() })).transform((items) =>
    items.map(({ operation }) => operation ?? {}),
  ),
  when: list(When),
})

const Target = z.object({ kind: Name, name: Name, namespace: Name.nullish() })

export const AuthorizationPolicyObject = z
  .object({
    metadata: Metadata,
    spec: z
      .object({
        action: z.enum(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']).nullish(),
        selector: z.object({ matchLabels: LabelsField }).nullish(),
        targetRef: Target.nullish(),
        targetRefs: list(Target),
        rules: list(RuleObject),
      })
      .nullish(),
  })
  .transform(({ metadata: { namespace, name, annotations }, spec }): AuthorizationPolicy => {
    const targets = [...(spec?.targetRef ? [spec.targetRef] : []), ...(spec?.targetRefs ?? [])]
    return {
      namespace,
      name,
      action: spec?.action ?? 'ALLOW',
      dryRun: /^(1|t|true)$/i.test(annotations['istio.io/dry-run'] ?? ''),
      selector: spec?.selector?.matchLabels ?? {},
      targets: targets.map((target) => ({ ...target, namespace: target.namespace ?? namespace })),
      rules: spec?.rules ?? [],
    }
  })

function isAddressBlock(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}
