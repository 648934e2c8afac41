import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalIdentity, MAX_IDENTITY_LENGTH, parseIdentity, serviceAccountIdentity } from '../../core/identity.ts'

describe('canonical identity', () => {
  it.each([
    ['spiffe://cluster.local/ns/shop/sa/cart', 'cluster.local/ns/shop/sa/cart'],
    ['cluster.local/ns/shop/sa/cart', 'cluster.local/ns/shop/sa/cart'],
    ['spiffe://Cluster.Local/ns/Shop/sa/Cart', 'cluster.local/ns/Shop/sa/Cart'],
    ['cart.shop.serviceaccount.identity.linkerd.cluster.local', 'cluster.local/ns/shop/sa/cart'],
    ['my.cart.shop.serviceaccount.identity.linkerd.Example.org', 'example.org/ns/shop/sa/my.cart'],
    ['spiffe://dc1.consul/ns/default/dc/dc1/svc/web', 'dc1.consul/ns/default/dc/dc1/svc/web'],
    ['spiffe://example.org/any/path', 'example.org/any/path'],
  ])('of %s', (text, canonical) => {
    expect(canonicalIdentity(text)).toBe(canonical)
  })

  it.each([
    ['nothing', ''],
    ['a dash', '-'],
    ['unknown', 'unknown'],
    ['no path', 'spiffe://cluster.local'],
    ['an empty path', 'spiffe://cluster.local/'],
    ['no trust domain', 'spiffe:///ns/shop/sa/cart'],
    ['spaces', 'spiffe://cluster.local/ns/shop/sa/ca rt'],
    ['a line break', 'spiffe://cluster.local/ns/shop/sa/cart\n'],
    ['a domain with a port', 'spiffe://cluster.local:80/ns/shop/sa/cart'],
    ['a plain host name', 'cart.shop.svc.cluster.local'],
    ['a Linkerd name without namespace', 'cart.serviceaccount.identity.linkerd.cluster.local'],
    ['a Linkerd name without trust domain', 'cart.shop.serviceaccount.identity.linkerd'],
    ['what is too long', `spiffe://cluster.local/ns/shop/sa/${'c'.repeat(MAX_IDENTITY_LENGTH)}`],
  ])('is empty for %s', (_, text) => {
    expect(canonicalIdentity(text)).toBe('')
  })

  it('never throws, and what it gives is canonical already and safe to print', () => {
    const parts = fc.constantFrom(
      'spiffe://',
      '/ns/',
      '/sa/',
      '.serviceaccount.identity.',
      'a',
      'B',
      '.',
      '/',
      '\n',
      'é',
      ' ',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(parts).map((all) => all.join('')),
        ),
        (text) => {
          const canonical = canonicalIdentity(text)
          expect(canonical).toMatch(/^[\x21-\x7e]*$/)
          if (canonical !== '') expect(canonicalIdentity(`spiffe://${canonical}`)).toBe(canonical)
          parseIdentity(canonical)
        },
      ),
    )
  })
})

describe('parts of an identity', () => {
  it.each([
    [
      'cluster.local/ns/shop/sa/cart',
      { trustDomain: 'cluster.local', namespace: 'shop', name: 'cart', kind: 'service_account' },
    ],
    [
      'dc1.consul/ns/default/dc/dc1/svc/web',
      { trustDomain: 'dc1.consul', namespace: 'default', name: 'web', kind: 'service' },
    ],
    [
      'dc1.consul/ap/team/ns/default/dc/dc1/svc/web',
      { trustDomain: 'dc1.consul', namespace: 'default', name: 'web', kind: 'service' },
    ],
    ['example.org/any/path', { trustDomain: 'example.org', namespace: '', name: '', kind: 'opaque' }],
    ['', { trustDomain: '', namespace: '', name: '', kind: 'opaque' }],
  ])('of %s', (canonical, identity) => {
    expect(parseIdentity(canonical)).toEqual(identity)
  })

  it('of a service account are those it was made of', () => {
    const name = fc.stringMatching(/^[a-z0-9-]{1,20}$/)
    fc.assert(
      fc.property(name, name, name, (domain, namespace, account) => {
        const canonical = serviceAccountIdentity(domain.toUpperCase(), namespace, account)
        expect(parseIdentity(canonical)).toEqual({
          trustDomain: domain,
          namespace,
          name: account,
          kind: 'service_account',
        })
        expect(canonicalIdentity(`spiffe://${canonical}`)).toBe(canonical)
      }),
    )
  })
})
