/**
 * Which addresses Eastwatch may call out to. A receiver's host is resolved once per attempt, every address it resolves to is
 * checked, and the connection goes to the checked address and no other: a name that resolves differently a moment later (DNS
 * rebinding) changes nothing. Refused are all addresses that are not public, except in ranges that the receiver itself lists.
 *
 * Ranges: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and later), multicast, and IPv6 outside 2000::/3.
 */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { messageOf, PipelineError } from '../core/errors.ts'

export interface Address {
  address: string
  family: 4 | 6
}

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly Address[]>

const SPECIAL_V4 = ranges([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local, and clouds' metadata at 169.254.169.254
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
])
const GLOBAL_V6 = ranges(['2000::/3'])
const SPECIAL_V6 = ranges(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'])
const NAT64 = ranges(['64:ff9b::/96'])
const MAPPED_V4 = ranges(['::ffff:0:0/96'])

/** A list of CIDR ranges. Throws for what is none. */
export function ranges(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [network = '', prefix = ''] = cidr.split('/')
    const family = isIP(network)
    if (family === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128)) {
      throw new PipelineError('config', `${JSON.stringify(cidr)} is no address range such as 10.1.0.0/16 or fd00::/8`)
    }
    list.addSubnet(network, Number(prefix), family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

/** True where a connection to this IP address (in any textual form that is one) may be made. */
export function isAllowed(address: string, allowed: BlockList): boolean {
  const bare = address.split('%')[0] ?? ''
  if (isIPv4(bare)) return allowed.check(bare, 'ipv4') || !SPECIAL_V4.check(bare, 'ipv4')
  if (isIP(bare) === 0) return false
  if (MAPPED_V4.check(bare, 'ipv6')) return isAllowed(lastFourBytes(bare), allowed)
  if (allowed.check(bare, 'ipv6')) return true
  if (NAT64.check(bare, 'ipv6')) return isAllowed(lastFourBytes(bare), allowed)
  return GLOBAL_V6.check(bare, 'ipv6') && !SPECIAL_V6.check(bare, 'ipv6')
}

/** Throws `address_refused` where `host` is an IP address that is not allowed. `host` is that of a WHATWG URL. */
export function refuseLiteral(host: string, allowed: BlockList): void {
  const bare = withoutBrackets(host)
  if (isIP(bare) !== 0 && !isAllowed(bare, allowed)) throw refusal(`address ${bare}`, false)
}

/**
 * The address to connect to for `host`, the host of a WHATWG URL (which has put odd notations such as `0x7f.1` into plain form).
 * Rejects with `address_refused` where any of its addresses is not allowed.
 */
export async function guardedAddress(
  host: string,
  allowed: BlockList,
  resolve: Resolve = resolveAll,
): Promise<Address> {
  refuseLiteral(host, allowed)
  const bare = withoutBrackets(host)
  const family = isIP(bare)
  if (family !== 0) return { address: bare, family: family as 4 | 6 }
  const addresses = await resolved(bare, resolve)
  const refused = addresses.find(({ address }) => !isAllowed(address, allowed))
  // The resolver may answer otherwise later; the message waits meanwhile, visibly failing.
  if (refused !== undefined) throw refusal(`host ${bare} with address ${refused.address}`, true)
  return addresses[0]!
}

function refusal(what: string, retriable: boolean): PipelineError {
  const message = `${what} is not public and in none of the receiver's allowRanges`
  return new PipelineError('address_refused', message, { retriable })
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}

async function resolved(host: string, resolve: Resolve): Promise<readonly Address[]> {
  try {
    const addresses = await resolve(host)
    if (addresses.length > 0) return addresses
    throw new Error('no address')
  } catch (cause) {
    throw new PipelineError('delivery_failed', `host ${host} cannot be resolved: ${messageOf(cause)}`, {
      cause,
      retriable: true,
    })
  }
}

async function resolveAll(host: string): Promise<readonly Address[]> {
  return (await lookup(host, { all: true, verbatim: true })) as Address[]
}

/** The IPv4 address in the last four bytes of an IPv6 address. */
function lastFourBytes(address: string): string {
  const tail = address.slice(address.lastIndexOf(':') + 1)
  if (isIPv4(tail)) return tail
  // The URL parser writes any form of an IPv6 address in its shortest: at most two groups of hex digits after the last `::`.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':')
  const low = Number.parseInt(groups.at(-1) || '0', 16)
  const high = Number.parseInt(groups.at(-2) || '0', 16)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
