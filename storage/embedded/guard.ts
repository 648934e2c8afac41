/**
 * What the read-only user may run. The engine's own `readonly` stands behind it and refuses writes and changed settings, but it lets
 * INTO OUTFILE, the function `file` and settings of subqueries through, so statements are judged by their tokens first.
 */
import { PipelineError } from '../../core/errors.ts'
import { limitsClause } from './limits.ts'
import { REFUSED_FUNCTIONS, SHOWN, SHOWN_CREATE, SYSTEM_TABLES, TABLE_FUNCTIONS } from './names.ts'
import { type Token, tokenize } from './tokens.ts'

const STATEMENTS = new Set(['SELECT', 'WITH', 'FROM', 'SHOW', 'DESCRIBE', 'DESC', 'EXISTS', 'EXPLAIN'])

export interface ReadOnlyStatement {
  /** As it may run: comments and the limits of a SETTINGS clause cut out. */
  sql: string
  /** Limits that the statement asks for itself, by ClickHouse's names. */
  asked: Readonly<Record<string, string>>
}

/** `tableFunctions` are the names the engine knows, in lower case. Throws `bad_input` naming what is not allowed. */
export function readOnlyStatement(text: string, tableFunctions: ReadonlySet<string>): ReadOnlyStatement {
  const { tokens, sql } = tokenize(text)
  const start = tokens.findIndex((token) => token.value !== '(')
  const first = tokens[start]
  if (first === undefined) throw new PipelineError('bad_input', 'the query is empty')
  if (first.kind !== 'word' || !STATEMENTS.has(first.value.toUpperCase())) {
    throw refuse(`${JSON.stringify(first.value.slice(0, 40))} statements`)
  }
  if (first.value.toUpperCase() === 'SHOW') checkShow(tokens[start + 1], tokens[start + 2])
  const clause = limitsClause(tokens)
  const rest = clause === undefined ? tokens : tokens.toSpliced(clause.first, clause.end - clause.first)
  rest.forEach((token, at) => {
    checkWord(token, rest[at - 1], rest[at + 1], rest[at + 2])
    checkName(token, rest[at + 1], rest[at + 2], tableFunctions)
  })
  if (clause === undefined) return { sql, asked: {} }
  const [from, to] = [tokens[clause.first]!.from, tokens[clause.end - 1]!.to]
  return { sql: `${sql.slice(0, from)}${sql.slice(to)}`.trimEnd(), asked: clause.asked }
}

function checkShow(what: Token | undefined, second: Token | undefined): void {
  const shown = what?.value.toUpperCase() ?? ''
  const created = second?.value.toUpperCase() ?? ''
  if (!SHOWN.has(shown)) throw refuse(`SHOW ${shown.slice(0, 40)}`)
  if (shown === 'CREATE' && !SHOWN_CREATE.has(created)) {
    throw refuse(`SHOW CREATE ${created.slice(0, 40)} (only of a TABLE, VIEW or DATABASE)`)
  }
}

function checkWord(token: Token, before: Token | undefined, next: Token | undefined, second: Token | undefined): void {
  if (token.kind !== 'word') return
  const word = token.value.toUpperCase()
  if (word === 'OUTFILE' || word === 'INFILE') throw refuse(word)
  if (word === 'SETTINGS' && before?.value !== '.' && next?.kind !== 'symbol' && second?.value === '=') {
    throw refuse('SETTINGS other than limits at the end of the query')
  }
  // Its value would name tables that are not seen here.
  if (word === 'IDENTIFIER' && before?.value === ':') throw refuse('a parameter as a name')
}

function checkName(
  token: Token,
  next: Token | undefined,
  second: Token | undefined,
  tableFunctions: ReadonlySet<string>,
): void {
  const called = next?.kind === 'symbol' && next.value === '('
  if (called && token.kind === 'symbol' && token.value === '}') throw refuse('a parameter as the name of a function')
  if (token.kind === 'text' || token.kind === 'symbol') return
  const name = token.value.toLowerCase()
  if (token.kind === 'name' && /[\\`"]/.test(name)) throw refuse('escapes in a quoted name')
  // `APPLY(file)` calls a function without parentheses of its own, so these names are refused wherever they stand.
  if (REFUSED_FUNCTIONS.test(name)) throw refuse(`the function ${name}`)
  if (called && tableFunctions.has(name) && !TABLE_FUNCTIONS.has(name)) throw refuse(`the table function ${name}`)
  // The engine takes a file's path for the name of a table there, and says whether it exists.
  if (name === 'default') throw refuse('the database default')
  if (name === 'system' && next?.value === '.' && !SYSTEM_TABLES.has(second?.value.toLowerCase() ?? '')) {
    throw refuse(`the table system.${second?.value.slice(0, 40) ?? ''}`)
  }
}

function refuse(what: string): PipelineError {
  return new PipelineError('bad_input', `the read-only user may not use ${what}`)
}
