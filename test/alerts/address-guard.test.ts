import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Address, guardedAddress, isAllowed, ranges } from '../../alerts/address-guard.ts'

const NONE = ranges([])
const hostOf = (url: string) => new URL(url).hostname

const REFUSED = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '239.255.255.250',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '0:0:0:0:0:ffff:a9fe:a9fe',
  '64:ff9b::7f00:1',
  '64:ff9b::10.0.0.1',
  '64:ff9b::',
  '64:ff9b:1::1',
  'fe80::1',
  'fe80::1%eth0',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
  '5f00::1',
  'not an address',
]
const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '64:ff9b::808:808',
]

/** The ways WHATWG URLs let one write an IPv4 address. */
function notations([a, b, c, d]: [number, number, number, number]): string[] {
  const number = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
  const hex = number.toString(16).padStart(8, '0')
  return [
    `${a}.${b}.${c}.${d}`,
    `${number}`,
    `0x${hex}`,
    `0${number.toString(8)}`,
    `0x${a.toString(16)}.0${b.toString(8)}.${(c << 8) | d}`,
    `${a}.${(b << 16) | (c << 8) | d}`,
    `${a}.${b}.${c}.${d}.`,
    `[::ffff:${a}.${b}.${c}.${d}]`,
    `[::ffff:${hex.slice(0, 4)}:${hex.slice(4)}]`,
    `[0:0:0:0:0:ffff:${hex.slice(0, 4)}:${hex.slice(4)}]`,
    `[64:ff9b::${hex.slice(0, 4)}:${hex.slice(4)}]`,
  ]
}

const byte = fc.integer({ min: 0, max: 255 })
const privateV4 = fc.oneof(
  fc.tuple(fc.constantFrom(10, 127, 0), byte, byte, byte),
  fc.tuple(fc.constant(192), fc.constant(168), byte, byte),
  fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
  fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), byte, byte),
  fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), byte, byte),
  fc.tuple(fc.integer({ min: 224, max: 255 }), byte, byte, byte),
)

describe('address guard', () => {
  it.each(REFUSED)('%s is refused', (address) => expect(isAllowed(address, NONE)).toBe(false))
  it.each(PUBLIC)('%s is public', (address) => expect(isAllowed(address, NONE)).toBe(true))

  it('an address that is not public is refused however it is written', async () => {
    await fc.assert(
      fc.asyncProperty(privateV4, async (bytes) => {
        for (const notation of notations(bytes)) {
          const host = hostOf(`http://${notation}/`)
          await expect(guardedAddress(host, NONE, never)).rejects.toMatchObject({ code: 'address_refused' })
        }
      }),
    )
  })

  it('a listed range lets its own addresses through, in any notation, and no others', async () => {
    const allowed = ranges(['10.20.0.0/16', 'fd12::/16'])
    for (const notation of notations([10, 20, 3, 4])) {
      expect((await guardedAddress(hostOf(`http://${notation}/`), allowed, never)).address).toBeTruthy()
    }
    expect(isAllowed('fd12::1', allowed)).toBe(true)
    expect(isAllowed('10.21.0.1', allowed)).toBe(false)
    expect(isAllowed('127.0.0.1', allowed)).toBe(false)
    expect(isAllowed('fd13::1', allowed)).toBe(false)
  })

  it('any address at all gives an answer', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => typeof isAllowed(text, NONE) === 'boolean'),
    )
  })

  it('one bad address among several refuses the name', async () => {
    const resolve = async (): Promise<Address[]> => [
      { address: '1.1.1.1', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ]
    await expect(guardedAddress('hooks.example', NONE, resolve)).rejects.toThrow(
      "host hooks.example with address 10.0.0.1 is not public and in none of the receiver's allowRanges",
    )
  })

  it('a name is resolved once, and the address given back is the one that was checked', async () => {
    let asked = 0
    const rebinding = async (): Promise<Address[]> => {
      asked += 1
      return [{ address: asked === 1 ? '1.1.1.1' : '127.0.0.1', family: 4 }]
    }
    expect(await guardedAddress('hooks.example', NONE, rebinding)).toEqual({ address: '1.1.1.1', family: 4 })
    expect(asked).toBe(1)
    await expect(guardedAddress('hooks.example', NONE, rebinding)).rejects.toMatchObject({ code: 'address_refused' })
  })

  it('a name without address is a failure that may pass', async () => {
    const error = { code: 'delivery_failed', retriable: true }
    await expect(guardedAddress('gone.example', NONE, async () => [])).rejects.toMatchObject(error)
    await expect(guardedAddress('gone.example', NONE, never)).rejects.toMatchObject(error)
  })

  it.each(['10.0.0.0', '10.0.0.0/33', '10.0/8', 'host/8', '10.0.0.0/-1', '/8', ''])('%s is no range', (text) =>
    expect(() => ranges([text])).toThrow('is no address range'),
  )
})

async function never(): Promise<never> {
  throw new Error('must not be asked')
}
