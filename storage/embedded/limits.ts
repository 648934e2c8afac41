/** Limits of one query, and what a client may ask of them: less, never more. */
import { PipelineError } from '../../core/errors.ts'
import type { QueryLimits } from './engine.ts'
import type { Token } from './tokens.ts'

/** ClickHouse's names of the limits. Grafana's driver asks for `max_execution_time` with every query. */
const LIMIT_OF: Readonly<Record<string, keyof QueryLimits>> = {
  max_execution_time: 'maxSeconds',
  max_memory_usage: 'maxMemoryBytes',
  max_result_rows: 'maxResultRows',
  max_result_bytes: 'maxResultBytes',
}

export function isLimit(setting: string): boolean {
  return Object.hasOwn(LIMIT_OF, setting)
}

/** `limits` with those of `asked` that are lower. Zero, which means none to ClickHouse, and what is no number are refused. */
export function tightened(limits: QueryLimits, asked: Readonly<Record<string, string>>): QueryLimits {
  const result = { ...limits }
  for (const [setting, text] of Object.entries(asked)) {
    const limit = LIMIT_OF[setting]!
    const value = /^\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : 0
    if (value === 0)
      throw new PipelineError('bad_input', `the read-only user may set ${setting} to a number above 0 only`)
    result[limit] = Math.min(result[limit], value)
  }
  return result
}

export interface LimitsClause {
  asked: Record<string, string>
  /** The clause's tokens: from this one up to that one. */
  first: number
  end: number
}

/** `SETTINGS max_execution_time = 10` at the end of a statement, which Grafana's editor writes; a FORMAT may follow. */
export function limitsClause(tokens: readonly Token[]): LimitsClause | undefined {
  const end = tokens.at(-2)?.value.toUpperCase() === 'FORMAT' ? tokens.length - 2 : tokens.length
  const asked: Record<string, string> = {}
  for (let at = end; at >= 4; ) {
    const [before, name, equals, value] = tokens.slice(at - 4, at) as [Token, Token, Token, Token]
    const known = name.kind === 'word' && isLimit(name.value) && equals.value === '=' && value.kind === 'word'
    if (!known || !(before.value === ',' || isSettings(before))) return undefined
    asked[name.value] = value.value
    if (isSettings(before)) return { asked, first: at - 4, end }
    at -= 4
  }
  return undefined
}

function isSettings(token: Token): boolean {
  return token.kind === 'word' && token.value.toUpperCase() === 'SETTINGS'
}
