import { describe, expect, it } from 'vitest'
import { ipOf, portOf } from '../../../collector/sources/address.ts'

describe('socket addresses', () => {
  it.each([
    ['10.0.0.1:8080', '10.0.0.1', 8080],
    ['10.0.0.1', '10.0.0.1', 0],
    ['[::1]:80', '::1', 80],
    ['[2001:DB8::1]:65535', '2001:db8::1', 65_535],
    ['2001:db8::1', '2001:db8::1', 0],
    ['[::ffff:10.0.0.1]:443', '10.0.0.1', 443],
    ['envoy://connect_originate/10.0.0.1:15008', '10.0.0.1', 15_008],
    ['10.0.0.1:65536', '10.0.0.1', 0],
    ['10.0.0.1:-1', '10.0.0.1', 0],
    ['/var/run/proxy.sock', '', 0],
    ['cart.shop:8080', '', 8080],
    ['', '', 0],
    ['[', '', 0],
    ['9'.repeat(500), '', 0],
  ])('%s', (text, ip, port) => {
    expect([ipOf(text), portOf(text)]).toEqual([ip, port])
  })
})
