/** Socket addresses as Envoy prints them: `10.0.0.1:80`, `[::1]:80`, `envoy://listener/10.0.0.1:80`, a pipe's path. */

import { wholeNumber } from './bounded.ts'
import { recent } from './recent.ts'

/** Longest address kept: an IPv6 address with zone; what is longer is none. */
const MAX_ADDRESS_LENGTH = 64

/** The IP of an address, lower case, without port; '' where it is no IP (a pipe, a name). */
export const ipOf = recent(readIp)

function readIp(text: string): string {
  const address = text.charCodeAt(0) === 101 /* e */ ? text.slice(text.lastIndexOf('/') + 1) : text
  if (address === '' || address.length > MAX_ADDRESS_LENGTH) return ''
  if (address.charCodeAt(0) === 91 /* [ */) return plainIp(address.slice(1, address.indexOf(']')))
  const colon = address.indexOf(':')
  if (colon < 0) return plainIp(address)
  return address.indexOf(':', colon + 1) < 0 ? plainIp(address.slice(0, colon)) : plainIp(address)
}

/** The port of an address, 0 where it has none. */
export function portOf(text: string): number {
  const colon = text.lastIndexOf(':')
  if (colon < 0 || text.length - colon > 6) return 0
  if (text.charCodeAt(colon - 1) !== 93 /* ] */ && text.indexOf(':') !== colon && !text.startsWith('envoy:')) return 0
  const port = wholeNumber(text.slice(colon + 1), 0xffff_ffff)
  return port < 65_536 ? port : 0
}

/** Addresses at which a proxy meets its own application; they name no workload. */
export function isOwnLoopback(ip: string): boolean {
  return ip === '127.0.0.1' || ip === '127.0.0.6' || ip === '::1' || ip === '::6'
}

const MAPPED = '::ffff:'
const IP = /^[0-9a-f.:%]*[.:][0-9a-f.:%]*$/

function plainIp(text: string): string {
  if (isDotted(text)) return text
  const ip = text.toLowerCase()
  const bare = ip.startsWith(MAPPED) && ip.includes('.') ? ip.slice(MAPPED.length) : ip
  return IP.test(bare) ? bare : ''
}

/** Digits and dots only, as nearly every address is. */
function isDotted(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code !== 46 && (code < 48 || code > 57)) return false
  }
  return text.length > 6 && text.includes('.')
}
