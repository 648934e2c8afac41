import { describe, expect, it } from 'vitest'
import type { AccessQuery } from '../../../policy/policy.ts'
import { authorization, decideWith } from '../world.ts'

const from = (source: object) => [{ from: [{ source }] }]
const to = (operation: object) => [{ to: [{ operation }] }]
const allow = (rules?: object[], name = 'allow', more: object = {}) =>
  authorization({ action: 'ALLOW', ...(rules && { rules }), ...more }, { name })
const deny = (rules?: object[], name = 'deny', more: object = {}) =>
  authorization({ action: 'DENY', ...(rules && { rules }), ...more }, { name })
const custom = (rules: object[]) =>
  authorization({ action: 'CUSTOM', provider: { name: 'opa' }, rules }, { name: 'custom' })
const ANY = [{}]
const HEADER = [{ when: [{ key: 'request.headers[x-team]', values: ['a'] }] }]
const NEVER = from({ namespaces: ['elsewhere'] })
const plaintext = { sourceIdentity: '' }
const tcp = { http: false, method: '', path: '', host: '' }

type Case = [title: string, policies: object[], change: Partial<AccessQuery>, decision: string, reason: string]

const PRECEDENCE: Case[] = [
  ['without any policy nothing is known', [], {}, 'unknown', 'unknown: no policy declared'],
  [
    'with policies elsewhere only, a workload without any is open',
    [authorization({ rules: ANY }, { namespace: 'other' })],
    {},
    'allowed',
    'default: no ALLOW policy applies to shop/cart',
  ],
  ['a matching ALLOW allows', [allow(ANY)], {}, 'allowed', 'shop/allow rule 0'],
  [
    'an ALLOW that does not match denies',
    [allow(NEVER)],
    {},
    'denied',
    'default: no ALLOW policy of shop/cart matches',
  ],
  ['an empty spec denies all', [authorization({})], {}, 'denied', 'default: no ALLOW policy of shop/cart matches'],
  [
    'no spec at all denies all',
    [authorization(undefined)],
    {},
    'denied',
    'default: no ALLOW policy of shop/cart matches',
  ],
  ['a matching DENY outranks a matching ALLOW', [allow(ANY), deny(ANY)], {}, 'denied', 'shop/deny rule 0'],
  ['a DENY without rules has no effect', [allow(ANY), deny()], {}, 'allowed', 'shop/allow rule 0'],
  [
    'a DENY that does not match leaves a workload open',
    [deny(NEVER)],
    {},
    'allowed',
    'default: no ALLOW policy applies to shop/cart',
  ],
  [
    'one matching ALLOW among several is enough',
    [allow(NEVER), allow(ANY, 'second')],
    {},
    'allowed',
    'shop/second rule 0',
  ],
  ['the matching rule is named', [allow([...NEVER, ...ANY])], {}, 'allowed', 'shop/allow rule 1'],
  [
    'AUDIT never decides',
    [allow(ANY), authorization({ action: 'AUDIT', rules: ANY }, { name: 'audit' })],
    {},
    'allowed',
    'shop/allow rule 0',
  ],
  [
    'a dry run is not enforced',
    [
      allow(ANY),
      authorization({ action: 'DENY', rules: ANY }, { name: 'try', annotations: { 'istio.io/dry-run': 'true' } }),
    ],
    {},
    'allowed',
    'shop/allow rule 0',
  ],
  [
    'a dry-run ALLOW does not close the workload',
    [authorization({}, { name: 'try', annotations: { 'istio.io/dry-run': 'true' } })],
    {},
    'allowed',
    'default: no ALLOW policy applies to shop/cart',
  ],
  [
    'a CUSTOM policy that matches is unknown',
    [allow(ANY), custom(ANY)],
    {},
    'unknown',
    'unknown: shop/custom rule 0: an external provider decides',
  ],
  [
    'a CUSTOM policy that does not match changes nothing',
    [allow(ANY), custom(NEVER)],
    {},
    'allowed',
    'shop/allow rule 0',
  ],
  ['a CUSTOM policy cannot rescue what a DENY refuses', [deny(ANY), custom(ANY)], {}, 'denied', 'shop/deny rule 0'],
  [
    'a CUSTOM policy cannot rescue what no ALLOW allows',
    [allow(NEVER), custom(ANY)],
    {},
    'denied',
    'default: no ALLOW policy of shop/cart matches',
  ],
]

const UNKNOWNS: Case[] = [
  [
    'a DENY on a header may match',
    [allow(ANY), deny(HEADER)],
    {},
    'unknown',
    'unknown: shop/deny rule 0: request.headers[x-team] is in no record',
  ],
  [
    'a DENY on a header does not matter where another DENY matches',
    [deny(HEADER), deny(ANY, 'sure')],
    {},
    'denied',
    'shop/sure rule 0',
  ],
  [
    'a DENY on a header does not matter where no ALLOW matches',
    [deny(HEADER), allow(NEVER)],
    {},
    'denied',
    'default: no ALLOW policy of shop/cart matches',
  ],
  [
    'a DENY on a header and a method that differs certainly does not match',
    [allow(ANY), deny([{ ...HEADER[0], ...to({ methods: ['POST'] })[0] }])],
    {},
    'allowed',
    'shop/allow rule 0',
  ],
  [
    'an ALLOW on a header may match',
    [allow(HEADER)],
    {},
    'unknown',
    'unknown: shop/allow rule 0: request.headers[x-team] is in no record',
  ],
  [
    'an ALLOW on a header does not matter where another ALLOW matches',
    [allow(HEADER), allow(ANY, 'sure')],
    {},
    'allowed',
    'shop/sure rule 0',
  ],
  [
    'a token is in no record',
    [allow(from({ requestPrincipals: ['*'] }))],
    {},
    'unknown',
    'unknown: shop/allow rule 0: request.auth.principal is in no record',
  ],
  [
    'the original address is in no record',
    [allow(from({ remoteIpBlocks: ['10.0.0.0/8'] }))],
    {},
    'unknown',
    'unknown: shop/allow rule 0: remote.ip is in no record',
  ],
  [
    'a field that is not known here is unknown',
    [allow(from({ moonPhases: ['full'] }))],
    {},
    'unknown',
    'unknown: shop/allow rule 0: field moonPhases is in no record',
  ],
  [
    'an absent path is not told',
    [allow(to({ paths: ['/items'] }))],
    { path: '' },
    'unknown',
    'unknown: shop/allow rule 0: the record does not tell the path',
  ],
  [
    'an absent path is present all the same',
    [allow(to({ paths: ['*'] }))],
    { path: '' },
    'allowed',
    'shop/allow rule 0',
  ],
  [
    'an absent caller is not a plaintext caller',
    [allow(from({ principals: ['*'] }))],
    { ...plaintext, sourceKnown: false },
    'unknown',
    'unknown: shop/allow rule 0: the record does not tell the caller',
  ],
]

const CALLERS: Case[] = [
  ['a principal matches exactly', [allow(from({ principals: ['cluster.local/ns/shop/sa/web'] }))], {}, 'allowed', ''],
  ['a principal matches by prefix', [allow(from({ principals: ['cluster.local/ns/shop/*'] }))], {}, 'allowed', ''],
  ['a principal matches by suffix', [allow(from({ principals: ['*/sa/web'] }))], {}, 'allowed', ''],
  ['a principal of * is anyone with a certificate', [allow(from({ principals: ['*'] }))], {}, 'allowed', ''],
  ['a principal of * is nobody in plain text', [allow(from({ principals: ['*'] }))], plaintext, 'denied', ''],
  [
    'a principal written with spiffe:// never matches',
    [allow(from({ principals: ['spiffe://cluster.local/ns/shop/sa/web'] }))],
    {},
    'denied',
    '',
  ],
  ['a notPrincipal excludes', [allow(from({ notPrincipals: ['*/sa/web'] }))], {}, 'denied', ''],
  [
    'a notPrincipal matches a plaintext caller',
    [deny(from({ notPrincipals: ['*'] }))],
    plaintext,
    'denied',
    'shop/deny rule 0',
  ],
  [
    'a notNamespace matches a plaintext caller',
    [deny(from({ notNamespaces: ['shop'] }))],
    plaintext,
    'denied',
    'shop/deny rule 0',
  ],
  ['a namespace matches', [allow(from({ namespaces: ['shop'] }))], {}, 'allowed', ''],
  ['a namespace matches with a wildcard inside', [allow(from({ namespaces: ['s*p'] }))], {}, 'allowed', ''],
  ['a namespace is not a prefix', [allow(from({ namespaces: ['sho'] }))], {}, 'denied', ''],
  [
    'a service account matches in the namespace of the policy',
    [allow(from({ serviceAccounts: ['web'] }))],
    {},
    'allowed',
    '',
  ],
  ['a service account matches with its namespace', [allow(from({ serviceAccounts: ['shop/web'] }))], {}, 'allowed', ''],
  [
    'a service account of another namespace does not match',
    [allow(from({ serviceAccounts: ['other/web'] }))],
    {},
    'denied',
    '',
  ],
  ['a service account is not a prefix', [allow(from({ serviceAccounts: ['we'] }))], {}, 'denied', ''],
  ['a trust domain matches', [allow(from({ trustDomains: ['cluster.local'] }))], {}, 'allowed', ''],
  ['an address range matches', [allow(from({ ipBlocks: ['10.0.0.0/24'] }))], {}, 'allowed', ''],
  ['a single address matches', [allow(from({ ipBlocks: ['10.0.0.2'] }))], {}, 'allowed', ''],
  ['an excluded address range denies', [allow(from({ notIpBlocks: ['10.0.0.0/24'] }))], {}, 'denied', ''],
  [
    'fields of one source must all match',
    [allow(from({ namespaces: ['shop'], ipBlocks: ['1.2.3.4'] }))],
    {},
    'denied',
    '',
  ],
  [
    'one of several sources is enough',
    [allow([{ from: [{ source: { namespaces: ['x'] } }, { source: { namespaces: ['shop'] } }] }])],
    {},
    'allowed',
    '',
  ],
  [
    'a value and its exclusion must both hold',
    [allow(from({ namespaces: ['shop'], notPrincipals: ['*/sa/web'] }))],
    {},
    'denied',
    '',
  ],
  [
    'from, to and when must all hold',
    [allow([{ ...from({ namespaces: ['shop'] })[0], ...to({ methods: ['PUT'] })[0] }])],
    {},
    'denied',
    '',
  ],
]

const OPERATIONS: Case[] = [
  ['a method matches', [allow(to({ methods: ['GET'] }))], {}, 'allowed', ''],
  ['a method is case-sensitive', [allow(to({ methods: ['get'] }))], {}, 'denied', ''],
  ['a path matches by prefix', [allow(to({ paths: ['/it*'] }))], {}, 'allowed', ''],
  ['a path matches by suffix', [allow(to({ paths: ['*/items'] }))], {}, 'allowed', ''],
  ['a path is case-sensitive', [allow(to({ paths: ['/Items'] }))], {}, 'denied', ''],
  ['an excluded path denies', [allow(to({ notPaths: ['/items'] }))], {}, 'denied', ''],
  ['{*} is one segment', [allow(to({ paths: ['/items/{*}/parts'] }))], { path: '/items/7/parts' }, 'allowed', ''],
  ['{*} is not two segments', [allow(to({ paths: ['/items/{*}'] }))], { path: '/items/7/parts' }, 'denied', ''],
  ['{*} is not an empty segment', [allow(to({ paths: ['/items/{*}'] }))], { path: '/items/' }, 'denied', ''],
  [
    '{**} is any number of segments',
    [allow(to({ paths: ['/items/{**}'] }))],
    { path: '/items/7/parts' },
    'allowed',
    '',
  ],
  ['{**} may be empty', [allow(to({ paths: ['/items/{**}'] }))], { path: '/items/' }, 'allowed', ''],
  ['a host is case-insensitive', [allow(to({ hosts: ['CART'] }))], {}, 'allowed', ''],
  ['a host with a port must be named with it', [allow(to({ hosts: ['cart'] }))], { host: 'cart:8000' }, 'denied', ''],
  ['a host matches by suffix', [allow(to({ hosts: ['*.shop'] }))], { host: 'cart.shop' }, 'allowed', ''],
  ['a port is that of the workload', [allow(to({ ports: ['8080'] }))], {}, 'allowed', ''],
  [
    'a service port is turned into that of the workload',
    [allow(to({ ports: ['8080'] }))],
    { destinationAddress: '', destinationPort: 80 },
    'allowed',
    '',
  ],
  ['an excluded port denies', [allow(to({ notPorts: ['8080'] }))], {}, 'denied', ''],
  [
    'a port that is not told is unknown',
    [allow(to({ ports: ['8080'] }))],
    { destinationPort: 0 },
    'unknown',
    'unknown: shop/allow rule 0: the record does not tell the port',
  ],
  [
    'a when on the source decides',
    [allow([{ when: [{ key: 'source.namespace', values: ['shop'] }] }])],
    {},
    'allowed',
    '',
  ],
  [
    'a when with notValues decides',
    [allow([{ when: [{ key: 'destination.port', notValues: ['8080'] }] }])],
    {},
    'denied',
    '',
  ],
  [
    'a when on the SNI decides',
    [allow([{ when: [{ key: 'connection.sni', values: ['a.*'] }] }])],
    { sni: 'a.b' },
    'allowed',
    '',
  ],
  [
    'on TCP an ALLOW with an HTTP field is dropped',
    [allow(to({ methods: ['GET'], ports: ['8080'] }))],
    tcp,
    'denied',
    '',
  ],
  ['on TCP an ALLOW with an excluded HTTP field is dropped', [allow(to({ notPaths: ['/x'] }))], tcp, 'denied', ''],
  [
    'on TCP a DENY ignores an HTTP field',
    [deny(to({ methods: ['PUT'], ports: ['8080'] }))],
    tcp,
    'denied',
    'shop/deny rule 0',
  ],
  ['on TCP a DENY ignores a header', [deny(HEADER)], tcp, 'denied', 'shop/deny rule 0'],
]

const selected = (labels: object) => ({ selector: { matchLabels: labels } })
const root = (spec: object) => authorization(spec, { namespace: 'istio-system', name: 'mesh' })
const SCOPE: Case[] = [
  ['a selector that fits applies', [deny(ANY, 'deny', selected({ app: 'cart' }))], {}, 'denied', 'shop/deny rule 0'],
  ['a selector that does not fit does not apply', [deny(ANY, 'deny', selected({ app: 'web' }))], {}, 'allowed', ''],
  [
    'a policy of the root namespace applies everywhere',
    [root({ action: 'DENY', rules: ANY })],
    {},
    'denied',
    'istio-system/mesh rule 0',
  ],
  [
    'a selector narrows a policy of the root namespace',
    [root({ action: 'DENY', rules: ANY, ...selected({ app: 'web' }) })],
    {},
    'allowed',
    '',
  ],
  [
    'a sidecar ignores what targets a service',
    [deny(ANY, 'deny', { targetRefs: [{ kind: 'Service', name: 'cart' }] })],
    {},
    'allowed',
    '',
  ],
  [
    'a selector cannot be resolved for a workload not declared',
    [deny(ANY, 'deny', selected({ app: 'cart' }))],
    { destinationAddress: '', destinationService: 'ghost.shop' },
    'unknown',
    'unknown: shop/deny rule 0: no workload of the destination is declared',
  ],
  [
    'a policy for all needs no workload',
    [deny(ANY)],
    { destinationAddress: '', destinationService: 'ghost.shop' },
    'denied',
    'shop/deny rule 0',
  ],
  [
    'a destination of which nothing is known is unknown',
    [deny(ANY)],
    { destinationAddress: '', destinationService: '', destinationNamespace: '' },
    'unknown',
    'unknown: the destination is not declared',
  ],
]

for (const [group, cases] of Object.entries({ PRECEDENCE, UNKNOWNS, CALLERS, OPERATIONS, SCOPE })) {
  describe(`authorization: ${group.toLowerCase()}`, () => {
    for (const [title, policies, change, decision, reason] of cases) {
      it(title, () => {
        const verdict = decideWith(policies, change)
        expect(verdict.decision, verdict.reason).toBe(decision)
        if (reason !== '') expect(verdict.reason).toBe(reason)
      })
    }
  })
}

describe('trust domains', () => {
  const policy = allow(from({ principals: ['old.domain/ns/shop/sa/web'] }))
  const aliases = { trustDomain: 'new.domain', trustDomainAliases: ['old.domain'] }

  it('a principal of an alias is one of the mesh', () => {
    const verdict = decideWith([policy], { sourceIdentity: 'new.domain/ns/shop/sa/web' }, aliases)
    expect(verdict.decision).toBe('allowed')
  })
  it('a principal of cluster.local is one of the mesh, whatever its name', () => {
    const local = allow(from({ principals: ['cluster.local/ns/shop/sa/web'] }))
    expect(decideWith([local], { sourceIdentity: 'old.domain/ns/shop/sa/web' }, aliases).decision).toBe('allowed')
  })
  it('a principal of a foreign domain stays one', () => {
    expect(decideWith([policy], { sourceIdentity: 'evil/ns/shop/sa/web' }, aliases).decision).toBe('denied')
  })
})
