/**
 * The precedence of AuthorizationPolicies over one proxy: CUSTOM, then DENY, then ALLOW; allowed where no ALLOW policy applies.
 * Neither the order nor the age of policies counts. An unknown makes the outcome unknown only where it could change it.
 */
import type { AccessQuery, Verdict } from '../policy.ts'
import type { Action, AuthorizationPolicy } from './authorization-policy.ts'
import type { Test } from './conditions.ts'
import type { TrustDomains } from './principals.ts'
import { compileRule } from './rule.ts'
import { both, type Ternary } from './ternary.ts'

export interface CompiledPolicy {
  declared: AuthorizationPolicy
  /** `namespace/name`. */
  name: string
  rules: readonly { http: Test; tcp: Test /** `namespace/name rule 0` */; label: string }[]
}

export function compilePolicy(declared: AuthorizationPolicy, trust: TrustDomains): CompiledPolicy {
  const name = `${declared.namespace}/${declared.name}`
  const context = { ...trust, namespace: declared.namespace }
  return {
    declared,
    name,
    rules: declared.rules.map((rule, i) => ({
      ...compileRule(rule, declared.action, context),
      label: `${name} rule ${i}`,
    })),
  }
}

/** A policy, and whether it applies to the workload at hand. */
export interface Candidate {
  policy: CompiledPolicy
  applies: true | string
}

/** The policies that one proxy (sidecar, waypoint, node proxy) enforces for a workload. */
export interface Enforcement {
  deny: readonly Candidate[]
  allow: readonly Candidate[]
  custom: readonly Candidate[]
  /** A node proxy sees connections only, whatever they carry. */
  connectionsOnly: boolean
  /** Behind a waypoint the caller that arrives is the waypoint. */
  callerHidden: boolean
  /** What the policies guard, for the reasons. */
  subject: string
}

export function enforcement(
  candidates: readonly Candidate[],
  rest: Pick<Enforcement, 'connectionsOnly' | 'callerHidden' | 'subject'>,
): Enforcement {
  const of = (action: Action) => candidates.filter(({ policy }) => policy.declared.action === action)
  return { ...rest, deny: of('DENY'), allow: of('ALLOW'), custom: of('CUSTOM') }
}

export function decideAt(at: Enforcement, asked: AccessQuery): Verdict {
  const query = at.callerHidden ? { ...asked, sourceKnown: false } : asked
  const http = query.http && !at.connectionsOnly

  const denial = firstMatch(at.deny, query, http)
  if (denial.matches === true) return { decision: 'denied', reason: denial.label }
  const admission = decideAllow(at, query, http)
  if (admission.decision === 'denied') return admission

  const custom = firstMatch(at.custom, query, http)
  if (denial.matches !== false) return unknown(`${denial.label}: ${denial.matches}`)
  if (custom.matches !== false) return unknown(`${custom.label}: an external provider decides`)
  return admission
}

/**
 * Allowed for certain where every way to resolve the unknowns leaves no ALLOW policy that applies, or one of them matching;
 * denied for certain where none does.
 */
function decideAllow({ allow, subject }: Enforcement, query: AccessQuery, http: boolean): Verdict {
  let deniable = false
  let admissible: string | undefined
  let reason = `default: no ALLOW policy applies to ${subject}`
  for (const { policy, applies } of allow) {
    const match = matchPolicy(policy, query, http)
    if (match.matches === true && applies === true) return { decision: 'allowed', reason: match.label }
    if (match.matches !== false) {
      reason = match.label
      admissible ??= `${match.label}: ${applies === true ? match.matches : applies}`
    }
    // Where it applies and does not match, only another policy lets the call in.
    if (match.matches !== true) deniable = true
  }
  if (!deniable) return { decision: 'allowed', reason }
  if (admissible !== undefined) return unknown(admissible)
  if (allow.some(({ applies }) => applies === true)) {
    return { decision: 'denied', reason: `default: no ALLOW policy of ${subject} matches` }
  }
  const { policy, applies } = allow[0]!
  return unknown(`${policy.name}: ${applies}`)
}

interface Match {
  matches: Ternary
  label: string
}

function matchPolicy({ rules, name }: CompiledPolicy, query: AccessQuery, http: boolean): Match {
  let result: Match = { matches: false, label: name }
  for (const rule of rules) {
    const matches = http ? rule.http(query) : rule.tcp(query)
    if (matches === true) return { matches, label: rule.label }
    if (result.matches === false && matches !== false) result = { matches, label: rule.label }
  }
  return result
}

/** The first candidate that certainly matches, else the first that may. */
function firstMatch(candidates: readonly Candidate[], query: AccessQuery, http: boolean): Match {
  let result: Match = { matches: false, label: '' }
  for (const { policy, applies } of candidates) {
    const { matches: matched, label } = matchPolicy(policy, query, http)
    const matches = both(matched, applies)
    if (matches === true) return { matches, label }
    if (result.matches === false && matches !== false) result = { matches, label }
  }
  return result
}

export function unknown(why: string): Verdict {
  return { decision: 'unknown', reason: `unknown: ${why}` }
}
