/** What telemetry may be called by someone who means harm. */
import fc from 'fast-check'
import { applyFinding } from '../../../alerts/incident.ts'
import type { GroupNotice } from '../../../alerts/notify/channel.ts'
import { literal } from '../../../detectors/evidence-sql.ts'
import { finding } from '../findings.ts'
import { group } from './notices.ts'

export const HOSTILE = [
  '<!channel> <!here> <!everyone>',
  '<@U012AB3CD> @here <#C024BE7LR|general>',
  '<https://evil.example|click> https://evil.example/a?b=c&d=e',
  '&lt;!channel&gt; &amp;lt;',
  '*bold* _it_ ~no~ `code` ```\nblock```',
  '\u001b[2J\u001b]0;title\u0007\u009b31m red',
  'line\r\nforged: line\u2028more\u2029',
  '\u202egnp.exe\u202c \u2066x\u2069 \u200f\u061c',
  'a\u0000b\u0008\u007f\u0085',
  'lone \ud800 and \udc00',
  '"quotes" \'single\' \\ back { } ${HOME} $(id) `id`',
  '__proto__',
  '- yaml: [x]\n? {y}: !!js/function',
  '🙂'.repeat(50),
  'ｗｉｄｅ ﷽ e\u0301\u0301\u0301',
] as const

const character = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 40 }),
  fc.constantFrom('&'.repeat(3_000), '\u0000'.repeat(3_000), 'A'.repeat(1024 * 1024), '"'.repeat(3_000)),
)
export const hostileText: fc.Arbitrary<string> = fc
  .array(character, { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join(''))

/** Arguments of hostileNotice: what fails is told by them, and not by the notice of a megabyte. */
export const hostileArguments = fc.tuple(
  fc.array(hostileText, { minLength: 1, maxLength: 4 }),
  fc.constantFrom(1, 1, 1, 2, 50),
)

/** Incidents in which everything that telemetry chooses is one of these texts. */
export function hostileNotice(texts: readonly string[], count: number): GroupNotice {
  let next = 0
  const text = () => texts[next++ % texts.length]!
  const all = Array.from({ length: count }, (_, at) => {
    const { key, evidence } = finding(10)
    const [example] = evidence.examples
    const named = { sourceIdentity: text(), sourceWorkload: text(), sourceNamespace: text(), sourceAddress: text() }
    const hostile = finding(10, {
      fingerprint: `f${at}`,
      kind: text(),
      cause: text(),
      summary: text(),
      key: { ...key, ...named, destinationService: text(), operation: text() },
      evidence: {
        ...evidence,
        verdict: text(),
        blind: text(),
        examples: Array.from({ length: 8 }, () => ({
          ...example!,
          path: text(),
          method: text(),
          requestId: text(),
          traceId: text(),
          detail: text(),
        })),
        facts: Object.fromEntries(Array.from({ length: 30 }, (_, fact) => [`${fact} ${text().slice(0, 20)}`, text()])),
        sql: `SELECT * FROM eastwatch.calls WHERE path = ${literal(text().slice(0, 500))}`,
      },
      technique: text(),
    })
    const { record } = applyFinding(undefined, hostile, 0)[0]!
    const names = Array.from({ length: 64 }, () => text().slice(0, 300))
    // As people and their tools may be named, which are no better.
    return {
      reason: 'acknowledged',
      record: {
        ...record,
        sources: names,
        destinations: names,
        acknowledgedBy: text(),
        acknowledgedAt: record.openedAt,
      },
    } as const
  })
  return group(all as unknown as GroupNotice['news'], { labels: { cause: text(), [text().slice(0, 100)]: text() } })
}
