import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_PATH_LENGTH,
  MAX_ROUTE_LENGTH,
  MAX_ROUTE_SEGMENTS,
  readRoute,
} from '../../../collector/sources/route-template.ts'

const UUID = '96722bbf-cc4e-49e3-a649-8e4870011998'

describe('paths and route templates', () => {
  it.each([
    ['/', '/', '/'],
    ['', '', ''],
    ['*', '*', '*'],
    ['/items', '/items', '/items'],
    ['/items/', '/items/', '/items/'],
    ['/items/42', '/items/42', '/items/{id}'],
    ['/items/42/', '/items/42/', '/items/{id}/'],
    ['/items/42?token=secret#part', '/items/42', '/items/{id}'],
    ['/v1/oauth2/x509/items', '/v1/oauth2/x509/items', '/v1/oauth2/x509/items'],
    [`/orders/${UUID}/lines/7`, `/orders/${UUID}/lines/7`, '/orders/{id}/lines/{id}'],
    ['/blobs/deadbeef01', '/blobs/deadbeef01', '/blobs/{id}'],
    ['/orders/sku-12345', '/orders/sku-12345', '/orders/{id}'],
    ['/days/2026-01-31', '/days/2026-01-31', '/days/{id}'],
    ['/users/ann@example.com/cart', '/users/{email}/cart', '/users/{email}/cart'],
    ['/users/ann%40example.com', '/users/{email}', '/users/{email}'],
    ['/cards/4111111111111111', '/cards/{digits}', '/cards/{digits}'],
    ['/reset/4f9aK2mQ8xZr7Lp0Wd3e/done', '/reset/{token}/done', '/reset/{token}/done'],
    ['/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', '/t/{token}', '/t/{token}'],
    ['/a;session=4f9aK2/b', '/a/b', '/a/b'],
    ['http://cart.shop:8080/items/7', '/items/7', '/items/{id}'],
    ['/shop.Cart/Get', '/shop.Cart/Get', '/shop.Cart/Get'],
    [
      '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
      '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
      '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    ],
    [
      '/notification-preferences/update-all',
      '/notification-preferences/update-all',
      '/notification-preferences/update-all',
    ],
    [`/${'x'.repeat(200)}`, '/{token}', '/{token}'],
  ])('%s', (text, path, route) => {
    expect(readRoute(text)).toEqual({ path, route })
  })

  it('a long path ends in {*}', () => {
    const { route } = readRoute('/a'.repeat(40))
    expect(route).toBe(`${'/a'.repeat(MAX_ROUTE_SEGMENTS)}/{*}`)
  })

  it('are bounded, hold no query, and a template of a template is itself', () => {
    const paths = fc.array(fc.oneof(fc.string({ maxLength: 30 }), fc.uuid(), fc.nat().map(String), fc.emailAddress()), {
      maxLength: 60,
    })
    const property = fc.property(paths, (segments) => {
      const { path, route } = readRoute(`/${segments.join('/')}`)
      expect(path.length).toBeLessThanOrEqual(MAX_PATH_LENGTH)
      expect(route.length).toBeLessThanOrEqual(MAX_ROUTE_LENGTH)
      expect(path).not.toMatch(/[?#;]/)
      expect(route).not.toMatch(/[?#;]/)
      expect(readRoute(path)).toEqual({ path, route })
    })
    fc.assert(property)
  })
})
