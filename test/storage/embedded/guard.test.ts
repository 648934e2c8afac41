import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readOnlyStatement } from '../../../storage/embedded/guard.ts'
import { TABLE_FUNCTIONS } from '../../../storage/embedded/names.ts'
import { tokenize } from '../../../storage/embedded/tokens.ts'

const KNOWN = new Set(['url', 's3', 'numbers', 'remote', 'file', 'somethingnew'])
const judge = (text: string) => readOnlyStatement(text, KNOWN)

/** What a lexer passes over. */
const gap = fc.constantFrom(' ', '\n', '\t', '/**/', ' /* SELECT */ ', ' -- FROM t\n', '# x\n', '  ')
const cased = (word: string) =>
  fc
    .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
    .map((upper) => [...word].map((char, at) => (upper[at] ? char.toUpperCase() : char.toLowerCase())).join(''))
const quoted = (name: string) => fc.constantFrom(name, `\`${name}\``, `"${name}"`)

/** Statements with a hole for a query. */
const HOLES: ((query: string) => string)[] = [
  (query) => query,
  (query) => `SELECT * FROM (${query})`,
  (query) => `WITH x AS (${query}) SELECT * FROM x`,
  (query) => `WITH (${query}) AS x SELECT x`,
  (query) => `SELECT 1 UNION ALL ${query}`,
  (query) => `SELECT 1 EXCEPT (${query})`,
  (query) => `SELECT 1 WHERE 1 IN (${query})`,
  (query) => `SELECT (${query}) AS x`,
  (query) => `SELECT EXISTS(${query})`,
  (query) => `SELECT * FROM view(${query})`,
  (query) => `SELECT * FROM t AS a JOIN (${query}) AS b ON a.x = b.x`,
  (query) => `EXPLAIN ${query}`,
  (query) => `EXPLAIN AST SELECT * FROM (EXPLAIN ${query})`,
  (query) => `DESCRIBE (${query})`,
  (query) => `SELECT ';--/*' AS "a b", (${query})`,
]
const hole = fc.constantFrom(...HOLES)
const holes = fc.array(hole, { maxLength: 3 })
const inside = (outer: ((query: string) => string)[], query: string) => outer.reduce((text, wrap) => wrap(text), query)

const attack = fc.oneof(
  fc
    .tuple(fc.constantFrom('url', 's3', 'remote', 'somethingnew').chain(cased).chain(quoted), gap)
    .map(([name, space]) => `SELECT * FROM${space} ${name}${space}('x')`),
  fc
    .tuple(fc.constantFrom('file', 'sleep', 'dictGetString', 'catboostEvaluate').chain(cased).chain(quoted), gap)
    .map(([name, space]) => `SELECT ${name}${space}('x')`),
  fc
    .tuple(cased('into'), gap, cased('outfile'))
    .map(([into, space, outfile]) => `SELECT 1 ${into}${space} ${outfile} 'x'`),
  fc
    .tuple(cased('settings'), gap, fc.constantFrom('readonly', 'max_threads', '`max_memory_usage`'))
    .map(([settings, space, name]) => `SELECT 1 ${settings}${space} ${name}${space}=${space}0`),
  fc
    .tuple(quoted('system'), gap, fc.constantFrom('processes', 'users', 'query_log', 'something_new').chain(quoted))
    .map(([system, space, table]) => `SELECT * FROM ${system}${space}.${space}${table}`),
  quoted('default').map((name) => `SELECT * FROM ${name}.\`/etc/passwd\``),
  gap.map((space) => `SELECT * FROM {t${space}:${space}Identifier}`),
)

describe('tokens', () => {
  it('give back the statement without comments, whatever it holds', () => {
    const pieces = fc.constantFrom(
      'SELECT',
      ' ',
      "'a;b'",
      '`c`',
      '/* d */',
      '-- e\n',
      '1.5',
      '(',
      ')',
      ',',
      "''",
      '"f g"',
      '\n',
    )
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const { sql, tokens } = tokenize(parts.join(' '))
        expect(tokens.map(({ from, to }) => sql.slice(from, to))).toEqual(
          parts.flatMap((part) => (/^(\s+|--.*|\/\*.*)$/s.test(part) ? [] : part === '1.5' ? ['1', '.', '5'] : [part])),
        )
        expect(sql).not.toMatch(/\/\*|--/)
      }),
    )
  })
})

describe('the guard', () => {
  it('never hangs or crashes on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        try {
          judge(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad_input' })
        }
      }),
    )
  })

  it('refuses an attack wherever in a statement it hides', () => {
    fc.assert(
      fc.property(attack, holes, (query, outer) => {
        expect(() => judge(inside(outer, query))).toThrow(/may not use/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('lets the same statements through without the attack, and as text', () => {
    const harmless = fc.oneof(
      fc.constantFrom('SELECT 1', 'SELECT a.b FROM t AS a', 'SELECT * FROM numbers(3)'),
      attack.map(asText),
    )
    fc.assert(
      fc.property(harmless, holes, (query, outer) => {
        expect(() => judge(inside(outer, query))).not.toThrow()
      }),
    )
  })

  it('gives a statement that it judges as it judged the original, and that is the same text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(gap, fc.constantFrom('SELECT', 'a', "'x'", ',', '(', ')', '1', '`c`', 'FROM'))),
        (parts) => {
          let first: string
          try {
            first = judge(`SELECT ${parts.join(' ')}`).sql
          } catch {
            return
          }
          expect(judge(first).sql).toBe(first)
        },
      ),
    )
  })

  it('knows a short list of table functions; one that a new engine brings is refused', () => {
    expect(() => judge('SELECT * FROM numbers(1)')).not.toThrow()
    expect(() => judge('SELECT * FROM somethingNew(1)')).toThrow('the table function somethingnew')
    expect(TABLE_FUNCTIONS.size).toBeLessThan(12)
  })

  it('takes the limits of a last SETTINGS out of the statement', () => {
    expect(judge('SELECT 1 SETTINGS max_execution_time=10')).toEqual({
      sql: 'SELECT 1',
      asked: { max_execution_time: '10' },
    })
    expect(judge('SELECT 1 settings max_result_rows = 5, max_memory_usage = 7 FORMAT CSV')).toEqual({
      sql: 'SELECT 1  FORMAT CSV',
      asked: { max_result_rows: '5', max_memory_usage: '7' },
    })
    expect(judge('SELECT 1, max_execution_time = 10')).toMatchObject({ asked: {} })
    expect(judge('SELECT settings = 1 FROM t')).toMatchObject({ asked: {} })
  })
})

function asText(query: string): string {
  return `SELECT '${query.replaceAll("'", "''")}'`
}
