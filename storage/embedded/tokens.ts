/**
 * Splits SQL into tokens as ClickHouse's own lexer does, so that what is allowed can be judged by tokens and not by text.
 * What the two lexers might read differently (heredocs, characters beyond ASCII outside quotes) is refused, and comments are cut
 * out of the text that runs: so nothing runs that was not seen here. https://clickhouse.com/docs/sql-reference/syntax
 */
import { PipelineError } from '../../core/errors.ts'

export interface Token {
  /** `word`: bare identifier, keyword or number; `name`: quoted identifier; `text`: string literal; `symbol`: one character. */
  kind: 'word' | 'name' | 'text' | 'symbol'
  /** Without quotes; escapes of names are not resolved. */
  value: string
  /** Place in the text given back. */
  from: number
  to: number
}

export interface Tokens {
  tokens: Token[]
  /** The statement without comments and trailing semicolons. */
  sql: string
}

const QUOTES: Record<string, Token['kind']> = { "'": 'text', '"': 'name', '`': 'name' }
const SYMBOLS = new Set('()[]{},.*+-/%=<>!:|?@')
const WORD = /[A-Za-z0-9_]+/y

/** Throws `bad_input` for what is not one statement of known tokens. */
export function tokenize(text: string): Tokens {
  const tokens: Token[] = []
  let sql = ''
  let ended = false
  let at = 0
  const take = (kind: Token['kind'], length: number, value: string) => {
    if (ended) throw refuse('several statements in one query')
    tokens.push({ kind, value, from: sql.length, to: sql.length + length })
    sql += text.slice(at, at + length)
    at += length
  }
  while (at < text.length) {
    const char = text[at]!
    if (/[ \t\r\n\f\v]/.test(char)) {
      sql += ' '
      at += 1
    } else if (text.startsWith('--', at) || text.startsWith('# ', at) || text.startsWith('#!', at)) {
      const end = text.indexOf('\n', at)
      sql += ' '
      at = end < 0 ? text.length : end
    } else if (text.startsWith('/*', at)) {
      at = endOfComment(text, at)
      sql += ' '
    } else if (char === ';') {
      ended = true
      at += 1
    } else if (QUOTES[char] !== undefined) {
      const end = endOfQuote(text, at)
      take(QUOTES[char], end - at, text.slice(at + 1, end - 1))
    } else if (SYMBOLS.has(char)) take('symbol', 1, char)
    else {
      WORD.lastIndex = at
      const word = WORD.exec(text)?.[0]
      if (word === undefined) throw refuse(`character ${JSON.stringify(char)} outside quotes`)
      take('word', word.length, word)
    }
  }
  return { tokens, sql: sql.trimEnd() }
}

function endOfQuote(text: string, start: number): number {
  const quote = text[start]
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text[at]
    if (char === '\\') at += 1
    else if (char === quote) {
      if (text[at + 1] !== quote) return at + 1
      at += 1
    } else if (char === '\0') throw refuse('a NUL character')
  }
  throw refuse('a quote that is not closed')
}

/** Comments nest in some versions of ClickHouse and not in others: a nested one is refused. */
function endOfComment(text: string, start: number): number {
  const end = text.indexOf('*/', start + 2)
  if (end < 0) throw refuse('a comment that is not closed')
  if (text.slice(start + 2, end).includes('/*')) throw refuse('a comment within a comment')
  return end + 2
}

function refuse(what: string): PipelineError {
  return new PipelineError('bad_input', `query cannot be read: it has ${what}`)
}
