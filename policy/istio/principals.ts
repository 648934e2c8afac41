/**
 * How policies name callers. Identities come canonical (core/identity.ts), so without `spiffe://` and with the trust domain in
 * lower case; a caller in plain text has none, which no positive name matches.
 * Istio: pilot/pkg/security/authz/model/generator.go, pilot/pkg/security/trustdomain/bundle.go.
 */
import { globMatch, type TextMatch, textMatch } from './text-match.ts'

export interface TrustDomains {
  trustDomain: string
  aliases: readonly string[]
}

/** `<trust domain>/ns/<namespace>/sa/<account>`, exact or with a `*` at one end; `*` is any caller with a certificate. */
export function principalMatch(value: string, trust: TrustDomains): TextMatch {
  const matches = withAliases(lowerTrustDomain(value), trust).map(textMatch)
  return (identity) => matches.some((match) => match(identity))
}

/** A name in any trust domain of the mesh is a name in all of them; `cluster.local` stands for the mesh's own. */
function withAliases(value: string, { trustDomain, aliases }: TrustDomains): string[] {
  const parts = value.split('/')
  const domain = parts[0]!
  if (parts.length !== 5 || domain === '*') return [value]
  const all = [trustDomain, ...aliases]
  if (domain !== 'cluster.local' && !all.some(textMatch(domain))) return [value]
  const rest = parts.slice(1).join('/')
  return all.map((each) => (textMatch(domain)(each) ? value : `${each}/${rest}`))
}

function lowerTrustDomain(value: string): string {
  const slash = value.indexOf('/')
  return slash < 0 ? value : value.slice(0, slash).toLowerCase() + value.slice(slash)
}

/** A namespace, in which `*` stands for any text. */
export function namespaceMatch(value: string): TextMatch {
  return globMatch(`*/ns/${value}/*`)
}

/** `<namespace>/<account>`, or `<account>` of the policy's own namespace; no wildcards. */
export function serviceAccountMatch(value: string, policyNamespace: string): TextMatch {
  const slash = value.indexOf('/')
  const namespace = slash < 0 ? policyNamespace : value.slice(0, slash)
  const from = `/ns/${namespace}/`
  const account = `/sa/${value.slice(slash + 1)}`
  return (identity) => {
    const at = identity.indexOf(from)
    if (at <= 0) return false
    // More path segments may stand between the two and after the account.
    const rest = identity.slice(at + from.length - 1)
    return rest.endsWith(account) || rest.includes(`${account}/`)
  }
}

/** The trust domain, exact or with a `*` at one end, or any of the mesh's where the value is one of them. */
export function trustDomainMatch(value: string, { trustDomain, aliases }: TrustDomains): TextMatch {
  const all = [trustDomain, ...aliases]
  const matches = (all.includes(value) ? all : [value]).map((each) => textMatch(each.toLowerCase()))
  return (identity) => {
    const domain = identity.slice(0, identity.indexOf('/'))
    return matches.some((match) => match(domain))
  }
}
