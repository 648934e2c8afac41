/** Calls of all kinds for property tests. Values are any that fit their columns; types of texts are not kept to. */
import fc from 'fast-check'
import { CALL_COLUMN_NAMES, CALL_COLUMNS, type Call, type ColumnKind } from '../../core/call.ts'

/** Any UTF-16 text, lone surrogates too. */
export const anyText = fc.oneof(
  fc.constantFrom('', 'a', 'GET', 'shop/cart', '\u{1f600}', 'é'.repeat(60), 'x'.repeat(300)),
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
)

const VALUE: Record<ColumnKind, fc.Arbitrary<unknown>> = {
  low: anyText,
  text: anyText,
  time: fc.maxSafeNat(),
  u8: fc.nat(0xff),
  u16: fc.nat(0xffff),
  u32: fc.nat(0xffff_ffff),
  u64: fc.maxSafeNat(),
  i16: fc.integer({ min: -0x8000, max: 0x7fff }),
  bool: fc.boolean(),
}

export const anyCall = fc.record(
  Object.fromEntries(CALL_COLUMN_NAMES.map((name) => [name, VALUE[CALL_COLUMNS[name]]])),
) as unknown as fc.Arbitrary<Call>

/** The call as it comes back: texts well formed. */
export function wellFormed(call: Call): Call {
  const entries = Object.entries(call).map(([name, value]) => [
    name,
    typeof value === 'string' ? Buffer.from(value).toString() : value,
  ])
  return Object.fromEntries(entries) as Call
}
