/** Calls for tests: plausible ones by number, and arbitrary ones for properties. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { encodeBlock } from '../../core/block.ts'
import { CALL_COLUMN_NAMES, CALL_COLUMNS, type Call, emptyCall } from '../../core/call.ts'

/** 2026-11-23 12:00 UTC. */
export const T0 = Date.UTC(2026, 10, 23, 12) * 1000

export function sampleCall(n: number, at = T0): Call {
  return {
    ...emptyCall(),
    sourceIdentity: `spiffe://cluster.local/ns/shop/sa/client-${n % 7}`,
    sourceNamespace: 'shop',
    destinationService: `service-${n % 5}.shop`,
    destinationServiceOrigin: 'record',
    method: n % 3 === 0 ? 'POST' : 'GET',
    path: `/orders/${n}`,
    route: '/orders/{id}',
    status: n % 11 === 0 ? 403 : 200,
    outcome: n % 11 === 0 ? 'denied' : 'ok',
    protocol: 'http',
    start: at - 1500,
    end: at,
    durationUs: 1500,
    durationStepUs: 1,
    bytesReceived: n,
    bytesSent: n * 2,
    requestId: `request-${n}`,
    traceId: createHash('md5').update(String(n)).digest('hex'),
    received: at + 1000,
    trust: 'verified',
  }
}

export function deliveryId(n: number): Uint8Array {
  return createHash('sha256').update(`delivery ${n}`).digest().subarray(0, 16)
}

/** One block of one delivery with `count` calls, numbered from `first`. */
export function blockOf(delivery: number, first: number, count: number, at = T0): Uint8Array {
  const calls = Array.from({ length: count }, (_, i) => sampleCall(first + i, at + i))
  return encodeBlock([{ id: deliveryId(delivery), calls }])
}

const hostileText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', "'; DROP TABLE x; --", '\0', '\\N', '\t\n"', 'é漢字', 'x'.repeat(300)),
)

/** Any values that the columns can hold, received within the hour of T0. */
export const anyCall: fc.Arbitrary<Call> = fc
  .record(
    Object.fromEntries(
      CALL_COLUMN_NAMES.map((name) => {
        switch (CALL_COLUMNS[name]) {
          case 'low':
          case 'text':
            return [name, hostileText]
          case 'bool':
            return [name, fc.boolean()]
          case 'i16':
            return [name, fc.integer({ min: -32_768, max: 32_767 })]
          case 'u16':
            return [name, fc.nat(65_535)]
          case 'u32':
            return [name, fc.nat(2 ** 31)]
          case 'time':
            return [name, fc.integer({ min: T0 - 1e12, max: T0 + 1e12 })]
          default:
            return [name, fc.nat({ max: Number.MAX_SAFE_INTEGER })]
        }
      }),
    ),
  )
  .map((values) => ({ ...(values as unknown as Call), received: T0 + 60_000_000 }))
