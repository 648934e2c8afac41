/**
 * One field of a rule, such as `notPaths: [...]`, as a test of a call. What the call does not tell, and what no telemetry tells
 * (headers, tokens), is unknown.
 */
import { BlockList, isIP } from 'node:net'
import type { AccessQuery } from '../policy.ts'
import {
  namespaceMatch,
  principalMatch,
  serviceAccountMatch,
  type TrustDomains,
  trustDomainMatch,
} from './principals.ts'
import type { Ternary } from './ternary.ts'
import { hostMatch, pathMatch, type TextMatch, textMatch } from './text-match.ts'

export interface PolicyContext extends TrustDomains {
  namespace: string
}

export type Test = (query: AccessQuery) => Ternary

export interface Condition {
  test: Test
  /** Has no meaning for TCP: an ALLOW rule that holds it is dropped there, any other action does without it. */
  httpOnly: boolean
}

/** What of a call a condition looks at. */
export type Attribute =
  | 'source.principal'
  | 'source.namespace'
  | 'source.serviceAccount'
  | 'source.trustDomain'
  | 'source.ip'
  | 'destination.ip'
  | 'destination.port'
  | 'connection.sni'
  | 'host'
  | 'method'
  | 'path'

const HTTP_ONLY = /^(host|method|path|request\..*)$/

/** True where the attribute has one of the values; unknown for an attribute not among the above. */
export function condition(attribute: string, values: readonly string[], context: PolicyContext): Condition {
  const httpOnly = HTTP_ONLY.test(attribute)
  const any = (make: (value: string) => TextMatch): TextMatch => {
    const matches = values.map(make)
    return (text) => matches.some((match) => match(text))
  }
  const source = (match: TextMatch): Test => {
    const why = `the record does not tell the caller`
    return ({ sourceIdentity, sourceKnown }) => (sourceKnown === false ? why : match(sourceIdentity))
  }
  /** An absent text is not told, rather than empty; a lone `*` asks for presence, which HTTP guarantees for all of these. */
  const told = (read: (query: AccessQuery) => string, match: TextMatch): Test => {
    const why = `the record does not tell the ${attribute}`
    const present = httpOnly && values.includes('*')
    return (query) => {
      const text = read(query)
      return text === '' ? present || why : match(text)
    }
  }
  switch (attribute as Attribute) {
    case 'source.principal':
      return { httpOnly, test: source(any((value) => principalMatch(value, context))) }
    case 'source.namespace':
      return { httpOnly, test: source(any(namespaceMatch)) }
    case 'source.serviceAccount':
      return { httpOnly, test: source(any((value) => serviceAccountMatch(value, context.namespace))) }
    case 'source.trustDomain':
      return { httpOnly, test: source(any((value) => trustDomainMatch(value, context))) }
    case 'source.ip':
      return { httpOnly, test: told((query) => query.sourceAddress, addressMatch(values)) }
    case 'destination.ip':
      return { httpOnly, test: told((query) => query.destinationAddress, addressMatch(values)) }
    case 'destination.port': {
      const ports = values.map(Number)
      return {
        httpOnly,
        test: ({ destinationPort: port }) => (port === 0 ? 'the record does not tell the port' : ports.includes(port)),
      }
    }
    case 'connection.sni':
      return { httpOnly, test: told((query) => query.sni, any(textMatch)) }
    case 'host':
      return { httpOnly, test: told((query) => query.host.toLowerCase(), any(hostMatch)) }
    case 'method':
      return { httpOnly, test: told((query) => query.method, any(textMatch)) }
    case 'path':
      return { httpOnly, test: told((query) => query.path, any(pathMatch)) }
    default: {
      const why = `${attribute.slice(0, 64)} is in no record`
      return { httpOnly, test: () => why }
    }
  }
}

function addressMatch(blocks: readonly string[]): TextMatch {
  const list = new BlockList()
  for (const block of blocks) {
    const [address = '', bits] = block.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family)
  }
  return (address) => {
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
  }
}
