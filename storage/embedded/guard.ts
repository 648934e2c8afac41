/**
 * What the read-only user may run. The engine's own `readonly` stands behind it and refuses writes and changed settings, but it lets
 * INTO OUTFILE, the function `file` and settings of subqueries through, so statements are judged by their tokens first.
 */
import { PipelineError } from '../../core/errors.ts'
import { type Token, tokenize } from './tokens.ts'

const STATEMENTS = new Set(['SELECT', 'WITH', 'FROM', 'SHOW', 'DESCRIBE', 'DESC', 'EXISTS', 'EXPLAIN'])

/** Table functions that compute from their arguments or read tables of this store. All others of the engine are refused. */
export const ALLOWED_TABLE_FUNCTIONS = new Set([
  'format',
  'generaterandom',
  'generateseries',
  'generate_series',
  'merge',
  'null',
  'numbers',
  'numbers_mt',
  'primes',
  'values',
  'view',
  'zeros',
  'zeros_mt',
])

/** Ordinary functions that reach files, models, the network or the process, or only hold a place in the queue. */
const REFUSED_FUNCTIONS =
  /^(file|ai[a-z]+|catboostevaluate|evalmlmethod|naivebayes\w+|dictget\w*|dicthas|dictisin|region\w+|sleep|sleepeachrow|addressto\w+|demangle|showcertificate|getserversetting|getclienthttpheader|logtrace|fuzzquery|filesystem\w*)$/

/**
 * The statement as it may run: comments cut out. `tableFunctions` are the names the engine knows, in lower case.
 * Throws `bad_input` naming what is not allowed.
 */
export function readOnlyStatement(text: string, tableFunctions: ReadonlySet<string>): string {
  const { tokens, sql } = tokenize(text)
  const first = tokens.find((token) => token.value !== '(')
  if (first === undefined) throw new PipelineError('bad_input', 'the query is empty')
  if (first.kind !== 'word' || !STATEMENTS.has(first.value.toUpperCase())) {
    throw refuse(`${JSON.stringify(first.value.slice(0, 40))} statements`)
  }
  tokens.forEach((token, at) => {
    check(token, tokens[at - 1], tokens[at + 1], tokens[at + 2], tableFunctions)
  })
  return sql
}

function check(
  token: Token,
  before: Token | undefined,
  next: Token | undefined,
  second: Token | undefined,
  tableFunctions: ReadonlySet<string>,
): void {
  const word = token.value.toUpperCase()
  if (token.kind === 'word') {
    if (word === 'OUTFILE' || word === 'INFILE') throw refuse(word)
    if (word === 'SETTINGS' && before?.value !== '.' && next?.kind !== 'symbol' && second?.value === '=') {
      throw refuse('SETTINGS')
    }
  }
  const called = next?.kind === 'symbol' && next.value === '('
  if (called && token.kind === 'symbol' && token.value === '}') throw refuse('a parameter as the name of a function')
  if (token.kind === 'text' || token.kind === 'symbol') return
  const name = token.value.toLowerCase()
  if (token.kind === 'name' && /[\\`"]/.test(name)) throw refuse('escapes in a quoted name')
  // `APPLY(file)` calls a function without parentheses of its own, so these names are refused wherever they stand.
  if (REFUSED_FUNCTIONS.test(name)) throw refuse(`the function ${name}`)
  if (called && tableFunctions.has(name) && !ALLOWED_TABLE_FUNCTIONS.has(name)) {
    throw refuse(`the table function ${name}`)
  }
}

function refuse(what: string): PipelineError {
  return new PipelineError('bad_input', `the read-only user may not use ${what}`)
}
