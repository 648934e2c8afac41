/**
 * Refusals by policy, as the proxy that decided tells them: in the response code details, or for TCP in the connection's
 * termination details. Never by status code alone: an application's own 403 and a caller's copy of one are no denials.
 */
import type { DenialKind } from '../../core/call.ts'
import { bounded, MAX_LENGTH } from './bounded.ts'
import { memo } from './memo.ts'
import { hasFlag } from './response-flags.ts'

export interface Denial {
  kind: DenialKind
  /** `namespace/name` of an Istio policy, `default` where no policy allowed the call, else the policy's id as it is. */
  policy: string
  /** Number of the rule, or what the check said; '' where it does not tell. */
  rule: string
}

const RBAC = 'rbac_access_denied'
const MATCHED = /^rbac_access_denied_matched_policy\[(.*)\]$/s
const ISTIO = /ns\[([^[\]]+)\]-policy\[([^[\]]+)\]-rule\[(\d+)\]/
const INTENTION = /^(consul-intentions-layer[47])(?:-(\d+))?$/
const JWT = 'jwt_authn_access_denied'

/** Undefined where the record tells of no denial. */
export function readDenial(details: string, terminationDetails: string, flags: string): Denial | undefined {
  if (details === 'via_upstream') return undefined
  if (details.startsWith(RBAC)) return rbacDenial(details)
  if (terminationDetails.startsWith(RBAC)) return networkDenial(terminationDetails)
  if (details.startsWith(JWT)) return jwtDenial(details)
  if (details === 'ext_authz_denied' || (details === '' && hasFlag(flags, 'UAEX'))) {
    return { kind: 'ext_authz', policy: '', rule: '' }
  }
  return undefined
}

const rbacDenial = memo((details: string): Denial => rbac(details, 'rbac'))
const networkDenial = memo((details: string): Denial => rbac(details, 'network_rbac'))

function rbac(details: string, kind: DenialKind): Denial {
  const id = MATCHED.exec(details)?.[1] ?? ''
  if (id === '' || id === 'none') return { kind, policy: 'default', rule: '' }
  const istio = ISTIO.exec(id)
  if (istio !== null) {
    return { kind, policy: bounded(`${istio[1]}/${istio[2]}`, MAX_LENGTH.policy), rule: bounded(istio[3]!, 8) }
  }
  const intention = INTENTION.exec(id)
  if (intention !== null) return { kind: 'intention', policy: intention[1]!, rule: intention[2] ?? '' }
  return { kind, policy: bounded(id, MAX_LENGTH.policy), rule: '' }
}

function jwtDenial(details: string): Denial {
  const reason = details.slice(JWT.length).replace(/^\{|\}$/g, '')
  return { kind: 'jwt', policy: '', rule: bounded(reason, MAX_LENGTH.policy) }
}
