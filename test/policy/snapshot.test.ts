import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSnapshot } from '../../policy/snapshot.ts'
import {
  authorization,
  CART,
  decideWith,
  declaredOf,
  OPTIONS,
  peerAuthentication,
  pod,
  query,
  service,
  WEB,
} from './world.ts'

const strict = { mtls: { mode: 'STRICT' } }
const strictOf = (...objects: object[]) =>
  createSnapshot(declaredOf(pod('cart', CART), ...objects), OPTIONS).strictMtls(CART, 8080)

describe('plain text', () => {
  const own = (spec: object, name = 'own') =>
    peerAuthentication({ selector: { matchLabels: { app: 'cart' } }, ...spec }, { name, namespace: 'shop' })
  const permissive = { mtls: { mode: 'PERMISSIVE' } }

  it('is undecided where no PeerAuthentication is declared', () => expect(strictOf()).toBeUndefined())
  it('is refused by the mesh', () => expect(strictOf(peerAuthentication(strict))).toBe(true))
  it('the namespace outranks the mesh', () =>
    expect(strictOf(peerAuthentication(strict), peerAuthentication(permissive, { namespace: 'shop' }))).toBe(false))
  it('the workload outranks the namespace', () =>
    expect(strictOf(peerAuthentication(permissive, { namespace: 'shop' }), own(strict))).toBe(true))
  it('the port outranks the workload', () =>
    expect(strictOf(own({ ...strict, portLevelMtls: { 8080: { mode: 'DISABLE' } } }))).toBe(false))
  it('UNSET inherits', () =>
    expect(strictOf(peerAuthentication(strict), own({ portLevelMtls: { 8080: { mode: 'UNSET' } } }))).toBe(true))
  it('a selector in the root namespace is ignored', () =>
    expect(strictOf(peerAuthentication({ selector: { matchLabels: { app: 'cart' } }, ...strict }))).toBe(false))
  it('the oldest of one scope wins', () => {
    const of = (name: string, spec: object, creationTimestamp: string) =>
      peerAuthentication(spec, { name, namespace: 'shop', creationTimestamp })
    expect(strictOf(of('a', permissive, '2025-02-01T00:00:00Z'), of('b', strict, '2025-01-01T00:00:00Z'))).toBe(true)
  })
  it('is refused by nobody before a pod without a proxy', () => {
    const bare = pod('bare', WEB, { spec: { containers: [{ name: 'app' }] } })
    expect(createSnapshot(declaredOf(bare, peerAuthentication(strict)), OPTIONS).strictMtls(WEB, 80)).toBe(false)
  })
  it('to a STRICT port is denied, and a caller that is not told is not taken for plain text', () => {
    const policies = [peerAuthentication(strict), authorization({ rules: [{}] })]
    expect(decideWith(policies, { sourceIdentity: '' })).toEqual({
      decision: 'denied',
      reason: 'istio-system/default: plain text to a STRICT port',
    })
    expect(decideWith(policies, { sourceIdentity: '', sourceKnown: false }).decision).toBe('allowed')
  })
})

describe('a destination given as service', () => {
  const canary = pod('canary', '10.0.0.3', { labels: { app: 'cart', track: 'canary' } })
  const closed = authorization({ selector: { matchLabels: { track: 'canary' } } })
  const change = { destinationAddress: '', destinationPort: 80 }
  it('is decided where its workloads agree', () => {
    expect(decideWith([canary, authorization({ rules: [{}] })], change).decision).toBe('allowed')
  })
  it('is unknown where they differ', () => {
    expect(decideWith([canary, closed], change).reason).toBe('unknown: workloads of cart.shop differ')
  })
  it('is decided by the workload where that is told', () => {
    expect(decideWith([canary, closed], { destinationAddress: '10.0.0.3' }).decision).toBe('denied')
  })
})

describe('ambient workloads', () => {
  const bare = { spec: { containers: [{ name: 'app' }] } }
  const namespace = (labels: object) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'istio.io/dataplane-mode': 'ambient', ...labels } },
  })
  const decide = (labels: object, ...policies: object[]) =>
    createSnapshot(
      declaredOf(pod('cart', CART, bare), service('cart'), namespace(labels), ...policies),
      OPTIONS,
    ).decide(query())
  const target = { targetRefs: [{ kind: 'Service', name: 'cart' }], action: 'DENY', rules: [{}] }

  it('a node proxy sees no methods', () => {
    expect(decide({}, authorization({ rules: [{ to: [{ operation: { methods: ['GET'] } }] }] })).decision).toBe(
      'denied',
    )
  })
  it('a waypoint enforces what targets the service', () => {
    expect(decide({ 'istio.io/use-waypoint': 'waypoint' }, authorization(target)).decision).toBe('denied')
  })
  it('without a waypoint nothing that targets a service is enforced', () => {
    expect(decide({}, authorization(target)).decision).toBe('allowed')
  })
  it('behind a waypoint the node proxy does not see the caller', () => {
    const policy = authorization({ rules: [{ from: [{ source: { principals: ['*/sa/web'] } }] }] })
    expect(decide({ 'istio.io/use-waypoint': 'waypoint' }, policy).decision).toBe('unknown')
  })
})

describe('properties', () => {
  /** Each rule certainly matches, certainly does not, or waits for a header. */
  const state = fc.constantFrom('yes', 'no', 'open')
  const action = fc.constantFrom('ALLOW', 'DENY')
  const policies = fc.array(fc.record({ action, rules: fc.array(state, { maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 5,
  })
  const RULES = {
    yes: {},
    no: { from: [{ source: { namespaces: ['elsewhere'] } }] },
    open: { when: [{ key: 'request.headers[x]', values: ['a'] }] },
  }
  type Drawn = { action: string; rules: string[] }[]
  const decide = (drawn: Drawn, order = drawn.map((_, i) => i)) =>
    decideWith(
      order.map((i) => {
        const { action, rules } = drawn[i]!
        return authorization(
          { action, rules: rules.map((each) => RULES[each as keyof typeof RULES]) },
          { name: `p${i}` },
        )
      }),
    )

  it('the order of policies changes nothing', () => {
    fc.assert(
      fc.property(policies, (drawn) => {
        expect(decide(drawn, [...drawn.keys()].reverse())).toEqual(decide(drawn))
      }),
    )
  })

  it('a DENY that matches wins over anything', () => {
    fc.assert(
      fc.property(policies, (drawn) => {
        expect(decide([...drawn, { action: 'DENY', rules: ['yes'] }]).decision).toBe('denied')
      }),
    )
  })

  it('what is decided stays so however its unknowns turn out, and what is not could turn out either way', () => {
    fc.assert(
      fc.property(policies, (drawn) => {
        const open = drawn.flatMap(({ rules }, p) =>
          rules.flatMap((each, r) => (each === 'open' ? [[p, r] as const] : [])),
        )
        fc.pre(open.length <= 6)
        const outcomes = new Set<string>()
        for (let bits = 0; bits < 2 ** open.length; bits++) {
          const resolved = drawn.map(({ action, rules }) => ({ action, rules: [...rules] }))
          for (const [i, [p, r]] of open.entries()) resolved[p]!.rules[r] = bits & (1 << i) ? 'yes' : 'no'
          outcomes.add(decide(resolved).decision)
        }
        expect(decide(drawn).decision).toBe(outcomes.size === 1 ? [...outcomes][0] : 'unknown')
      }),
      { numRuns: 60 },
    )
  })

  it('a remembered verdict is the one a fresh snapshot gives, whatever hostile texts run into each other', () => {
    const text = fc.constantFrom('', 'GET', '/a', 'GET/a', '\n', '1 1 ', 'cart.shop')
    const declared = declaredOf(
      pod('cart', CART),
      authorization({ rules: [{ to: [{ operation: { methods: ['GET'], paths: ['/a'], hosts: ['GET'] } }] }] }),
    )
    const shared = createSnapshot(declared, OPTIONS)
    const change = fc.record({ method: text, path: text, host: text, destinationService: text, sourceIdentity: text })
    fc.assert(
      fc.property(change, (each) => {
        expect(shared.decide(query(each))).toEqual(createSnapshot(declared, OPTIONS).decide(query(each)))
      }),
    )
  })
})

describe('the version', () => {
  const a = authorization({ rules: [{}] }, { name: 'a' })
  const b = authorization({ rules: [] }, { name: 'b' })
  const version = (...objects: unknown[]) => createSnapshot(declaredOf(...objects), OPTIONS).version
  it('does not depend on the order of objects', () => expect(version(a, b)).toBe(version(b, a)))
  it('changes with what is declared', () => expect(version(a, b)).not.toBe(version(a)))
  it('changes with the trust domain', () =>
    expect(createSnapshot(declaredOf(a), { ...OPTIONS, trustDomain: 'x' }).version).not.toBe(version(a)))
})
