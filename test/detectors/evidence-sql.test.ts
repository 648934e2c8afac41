import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { callsSql, literal, reportsSql } from '../../detectors/evidence-sql.ts'

/** ClickHouse's reading of a quoted literal: backslash escapes, and nothing after the closing quote. */
function readLiteral(text: string): string {
  const bytes: number[] = []
  let at = 1
  while (text[at] !== "'") {
    if (at >= text.length) throw new Error('not closed')
    if (text[at] !== '\\') {
      const char = String.fromCodePoint(text.codePointAt(at)!)
      bytes.push(...Buffer.from(char))
      at += char.length
    } else if (text[at + 1] === 'x') {
      bytes.push(Number.parseInt(text.slice(at + 2, at + 4), 16))
      at += 4
    } else {
      bytes.push(...Buffer.from(text[at + 1]!))
      at += 2
    }
  }
  if (at !== text.length - 1) throw new Error('text after the literal')
  return Buffer.from(bytes).toString()
}

describe('SQL of the evidence', () => {
  test('any text is one literal and reads back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        expect(readLiteral(literal(text))).toBe(Buffer.from(text).toString())
      }),
    )
  })

  test('a hostile identity stays a literal', () => {
    const sql = callsSql({ from: 1, to: 2, key: { sourceIdentity: "x' OR 1=1; DROP TABLE calls --\n" } })
    expect(sql).toContain("source_identity = 'x\\' OR 1=1; DROP TABLE calls --\\x0a'")
    expect(sql.split('\n').length).toBe(7)
  })

  test('a query without a key asks for the time alone, and is limited', () => {
    expect(callsSql({ from: 10.7, to: 20, key: {} })).toBe(
      callsSql({ from: 10, to: 20, key: { sourceIdentity: '', destinationService: '' } }),
    )
    expect(callsSql({ from: 10, to: 20, key: {} })).toMatch(/LIMIT 200$/)
  })

  test('who reported how many calls is asked under the same conditions', () => {
    const query = { from: 10, to: 20, key: { destinationService: "o'cart" } }
    const where = (sql: string) => /WHERE (.*?)\n(?:ORDER|GROUP)/s.exec(sql)?.[1]
    expect(where(reportsSql(query))).toBe(where(callsSql(query)))
    expect(where(reportsSql(query))).toContain("destination_service = 'o\\'cart'")
  })
})
