import { describe, expect, it } from 'vitest'
import { readDenial } from '../../../collector/sources/denial.ts'

const matched = (id: string) => `rbac_access_denied_matched_policy[${id}]`

describe('denials', () => {
  it.each([
    [matched('ns[foo]-policy[deny-x]-rule[3]'), { kind: 'rbac', policy: 'foo/deny-x', rule: '3' }],
    [matched('istio-ext-authz-opa-ns[foo]-policy[custom]-rule[0]'), { kind: 'rbac', policy: 'foo/custom', rule: '0' }],
    [matched('none'), { kind: 'rbac', policy: 'default', rule: '' }],
    ['rbac_access_denied', { kind: 'rbac', policy: 'default', rule: '' }],
    [matched('my policy'), { kind: 'rbac', policy: 'my policy', rule: '' }],
    [matched('consul-intentions-layer4'), { kind: 'intention', policy: 'consul-intentions-layer4', rule: '' }],
    [matched('consul-intentions-layer7-2'), { kind: 'intention', policy: 'consul-intentions-layer7', rule: '2' }],
    ['ext_authz_denied', { kind: 'ext_authz', policy: '', rule: '' }],
    ['jwt_authn_access_denied{Jwt_is_expired}', { kind: 'jwt', policy: '', rule: 'Jwt_is_expired' }],
  ])('%s', (details, denial) => {
    expect(readDenial(details, '', '')).toEqual(denial)
  })

  it('of TCP are in the termination details', () => {
    expect(readDenial('', matched('ns[a]-policy[b]-rule[0]'), '')).toEqual({
      kind: 'network_rbac',
      policy: 'a/b',
      rule: '0',
    })
  })

  it('of ext_authz are told by the flag alone where details are missing', () => {
    expect(readDenial('', '', 'DC,UAEX')?.kind).toBe('ext_authz')
  })

  it('are not what an application answers, nor a broken authorisation service', () => {
    expect(readDenial('via_upstream', '', '')).toBeUndefined()
    expect(readDenial('ext_authz_error', '', 'UAEX')).toBeUndefined()
    expect(readDenial('route_not_found', '', 'NR')).toBeUndefined()
  })

  it('bound the length of a policy id', () => {
    expect(readDenial(matched('p'.repeat(5000)), '', '')?.policy).toHaveLength(256)
  })
})
