/** OTLP log requests as tests need them. */
import { encode } from './otlp/reference.ts'

/** `count` records that differ by `mark`, at `timeUs`, all with the same further attributes. */
export function logs(
  count: number,
  mark = 'a',
  attributes: Record<string, string> = {},
  timeUs = 1_795_296_000_000_000,
): Buffer {
  const logRecords = Array.from({ length: count }, (_, i) => ({
    timeUnixNano: BigInt(timeUs) * 1000n,
    severityNumber: 0,
    severityText: '',
    body: undefined,
    attributes: Object.entries({ path: `/${mark}/${i}`, authority: 'cart.shop', ...attributes }).map(
      ([key, stringValue]) => ({
        key,
        value: { stringValue },
      }),
    ),
    traceId: new Uint8Array(),
    spanId: new Uint8Array(),
  }))
  return encode({ resourceLogs: [{ resource: undefined, scopeLogs: [{ logRecords }] }] })
}
