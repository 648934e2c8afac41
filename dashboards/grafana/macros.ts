/**
 * A query as ClickHouse gets it, for those who run panels without Grafana: Grafana's variables and the macros of its ClickHouse plugin are
 * replaced as their documentation says ("Query editor" and "Template variables" of the plugin, "Variable syntax" of Grafana). Known are
 * the macros that the dashboards use; any other one is an error.
 */

/** What Grafana has in a variable for which "All" is chosen. */
export const ALL = '$__all'
export type Values = Readonly<Record<string, string | readonly string[]>>

export interface Range {
  /** Epoch milliseconds. */
  from: number
  to: number
  /** Span of one point of a series. */
  intervalMs: number
}

type Macro = (...columns: string[]) => string

/** `$__conditionalAll` asks which variable it is about, so it goes before the variables. */
export function expandQuery(sql: string, values: Values, range: Range): string {
  const whole = replaceMacros(replaceVariables(replaceMacros(sql, conditions(values)), values), timeMacros(range))
  const unknown = /\$__\w+/.exec(whole)
  if (unknown !== null) throw new Error(`no macro ${unknown[0]}`)
  return whole
}

/** An empty variable counts as all. */
function conditions(values: Values): Map<string, Macro> {
  const isAll = (variable: string) => {
    const chosen = values[/\w+/.exec(variable)?.[0] ?? ''] ?? ''
    return chosen.length === 0 || [chosen].flat().includes(ALL)
  }
  return new Map([['conditionalAll', (condition, variable) => (isAll(variable!) ? '1=1' : condition!)]])
}

function timeMacros({ from, to, intervalMs }: Range): Map<string, Macro> {
  const second = (ms: number) => `toDateTime(${Math.floor(ms / 1000)})`
  const millisecond = (ms: number) => `fromUnixTimestamp64Milli(${ms})`
  const within = (time: (ms: number) => string) => (column: string) =>
    `${column} >= ${time(from)} AND ${column} <= ${time(to)}`
  const seconds = Math.max(1, Math.floor(intervalMs / 1000))
  return new Map<string, Macro>([
    ['fromTime', () => second(from)],
    ['toTime', () => second(to)],
    ['fromTime_ms', () => millisecond(from)],
    ['toTime_ms', () => millisecond(to)],
    ['timeFilter', within(second)],
    ['timeFilter_ms', within(millisecond)],
    ['timeInterval', (column) => `toStartOfInterval(toDateTime(${column}), INTERVAL ${seconds} second)`],
    ['interval_s', () => String(seconds)],
  ])
}

/** `${name:singlequote}`: each value in quotes, its quotes escaped by a backslash; Grafana escapes no backslashes. */
function replaceVariables(sql: string, values: Values): string {
  return sql.replace(/\$\{(\w+)(?::(\w+))?\}/g, (whole, name: string, format: string | undefined) => {
    const value = values[name]
    if (value === undefined || format !== 'singlequote') throw new Error(`${whole} has no value, or another format`)
    const quoted = [value].flat().map((one) => `'${one.replaceAll("'", "\\'")}'`)
    return quoted.join(',')
  })
}

/** Wherever they stand: the documentation excepts neither texts nor comments. Those that are not in `macros` stay. */
function replaceMacros(sql: string, macros: ReadonlyMap<string, Macro>): string {
  let [out, rest] = ['', sql]
  for (;;) {
    const found = /\$__(\w+)/.exec(rest)
    if (found === null) return out + rest
    const [name] = found
    const macro = macros.get(found[1]!)
    const end = found.index + name.length
    const { args, length } = macro !== undefined && rest[end] === '(' ? argumentsOf(rest.slice(end)) : NO_ARGUMENTS
    if (macro !== undefined && args.length !== macro.length) throw new Error(`${name} with ${args.length} arguments`)
    out += rest.slice(0, found.index) + (macro === undefined ? name : macro(...args))
    rest = rest.slice(end + length)
  }
}

const NO_ARGUMENTS = { args: [], length: 0 }

/** The arguments in the parentheses with which `text` begins, and how long these are. */
function argumentsOf(text: string): { args: string[]; length: number } {
  const args: string[] = []
  let [depth, start] = [0, 1]
  for (const { 0: sign, index } of text.matchAll(/[(),]/g)) {
    if (sign !== ',') depth += sign === '(' ? 1 : -1
    if (sign === '(' || depth > 1 || (sign === ')' && depth === 1)) continue
    args.push(text.slice(start, index).trim())
    start = index + 1
    if (depth === 0) return { args, length: start }
  }
  throw new Error(`a parenthesis is not closed: ${text.slice(0, 40)}`)
}
