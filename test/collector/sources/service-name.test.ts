import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_NAME_LENGTH, serviceOfHost, serviceOfMeshSni } from '../../../collector/sources/service-name.ts'

describe('service names', () => {
  it.each([
    ['cart.shop.svc.cluster.local:8080', 'cart.shop', 'shop'],
    ['cart.shop.svc', 'cart.shop', 'shop'],
    ['db-0.db.shop.svc.k8s.corp.example.', 'db.shop', 'shop'],
    ['Cart.Shop', 'cart.shop', ''],
    ['cart', 'cart', ''],
    ['api.example.com:443', 'api.example.com', ''],
    ['web.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul', 'web.default', 'default'],
    ['v2.web.team.dc1.external.x.consul', 'web.team', 'team'],
    ['web.team.part.dc1.internal-v1.x.consul', 'web.team', 'team'],
    ['10.0.0.1:80', '', ''],
    ['[::1]:80', '', ''],
    ['<script>', '', ''],
    ['a b', '', ''],
    ['', '', ''],
  ])('%s', (host, service, namespace) => {
    expect(serviceOfHost(host)).toEqual({ service, namespace })
  })

  it('mesh SNIs name the service they were sent for', () => {
    expect(serviceOfMeshSni('outbound_.8080_.v2_.cart.shop.svc.cluster.local')?.service).toBe('cart.shop')
    expect(serviceOfMeshSni('outbound_.443_._.api.example.com')?.service).toBe('api.example.com')
    expect(serviceOfMeshSni('api.example.com')).toBeUndefined()
  })

  it('never give a name that is too long or holds anything but host characters', () => {
    const property = fc.property(fc.string({ maxLength: 300 }), (text) => {
      const { service } = serviceOfHost(text)
      return service.length <= MAX_NAME_LENGTH && /^[a-z0-9_.*-]*$/.test(service)
    })
    fc.assert(property)
  })
})
