/**
 * What happens to a query between a panel and ClickHouse, for those who run panels without Grafana: first the plugin's browser part
 * ($__conditionalAll), then Grafana's variables, then the plugin's back end (comments, macros). After the documentation of Grafana
 * and of its ClickHouse plugin; of macros those that the dashboards use, and any other one is an error.
 */

/** 'All' is what Grafana has in a variable for which "All" is chosen. */
export const ALL = '$__all'
export type Values = Readonly<Record<string, string | readonly string[]>>

export interface Range {
  /** Epoch milliseconds. */
  from: number
  to: number
  /** Span of one point of a series. */
  intervalMs: number
}

export function expandQuery(sql: string, values: Values, range: Range): string {
  return expandMacros(stripComments(expandVariables(conditionalAll(sql, values), values)), range)
}

/** `$__conditionalAll(condition, $variable)` is the condition, or `1=1` where all is chosen. */
function conditionalAll(sql: string, values: Values): string {
  const macro = '$__conditionalAll('
  const at = sql.indexOf(macro)
  if (at < 0) return sql
  const { args, end } = argumentsAt(sql, at + macro.length - 1)
  const [condition = '', variable = ''] = args
  const chosen = values[variable.replace('$', '')]
  const all = chosen === undefined || chosen === '' || chosen === ALL
  return conditionalAll(sql.slice(0, at) + (all ? '1=1' : condition) + sql.slice(end), values)
}

/** `${name:singlequote}`: each value in quotes with its quotes escaped, and, as Grafana has it, its backslashes not. */
function expandVariables(sql: string, values: Values): string {
  return sql.replace(/\$\{(\w+)(?::(\w+))?\}/g, (whole, name: string, format: string | undefined) => {
    const value = values[name]
    if (value === undefined || format !== 'singlequote') throw new Error(`${whole} has no value, or another format`)
    return (typeof value === 'string' ? [value] : value).map((one) => `'${one.replaceAll("'", "\\'")}'`).join(',')
  })
}

/** Spaces in place of comments. What is within quotes is none; the plugin knows doubled quotes, and no backslashes. */
function stripComments(sql: string): string {
  return sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n\r]*|\/\*[\s\S]*?\*\//g, (part) =>
    /^['"]/.test(part) ? part : ' '.repeat(part.length),
  )
}

const seconds = (ms: number) => Math.floor(ms / 1000)

const MACROS: Record<string, (range: Range, column: string) => string> = {
  fromTime: ({ from }) => `toDateTime(${seconds(from)})`,
  toTime: ({ to }) => `toDateTime(${seconds(to)})`,
  fromTime_ms: ({ from }) => `fromUnixTimestamp64Milli(${from})`,
  toTime_ms: ({ to }) => `fromUnixTimestamp64Milli(${to})`,
  timeFilter: ({ from, to }, c) => `${c} >= toDateTime(${seconds(from)}) AND ${c} <= toDateTime(${seconds(to)})`,
  timeFilter_ms: ({ from, to }, c) =>
    `${c} >= fromUnixTimestamp64Milli(${from}) AND ${c} <= fromUnixTimestamp64Milli(${to})`,
  timeInterval: ({ intervalMs }, c) =>
    `toStartOfInterval(toDateTime(${c}), INTERVAL ${Math.max(1, seconds(intervalMs))} second)`,
  interval_s: ({ intervalMs }) => String(Math.max(1, seconds(intervalMs))),
}

/** In texts too: the plugin does not ask where a macro stands. */
function expandMacros(sql: string, range: Range): string {
  let [out, rest] = ['', sql]
  for (;;) {
    const found = /\$__(\w+)/.exec(rest)
    if (found === null) return out + rest
    const macro = MACROS[found[1]!]
    if (macro === undefined) throw new Error(`no macro ${found[0]}`)
    out += rest.slice(0, found.index)
    rest = rest.slice(found.index + found[0].length)
    const { args, end } = rest.startsWith('(') ? argumentsAt(rest, 0) : { args: [], end: 0 }
    if (args.length !== macro.length - 1) throw new Error(`${found[0]} with ${args.length} arguments`)
    out += macro(range, args[0] ?? '')
    rest = rest.slice(end)
  }
}

/** The arguments in the parentheses that open at `open`, and where they end. Quotes hold commas and parentheses. */
function argumentsAt(sql: string, open: number): { args: string[]; end: number } {
  const args: string[] = []
  let depth = 0
  let start = open + 1
  for (const { 0: part, index } of sql.slice(open).matchAll(/'(?:[^']|'')*'|[(),]/g)) {
    const at = open + index
    if (part === '(') depth += 1
    if ((part === ',' && depth === 1) || (part === ')' && depth === 1)) {
      args.push(sql.slice(start, at).trim())
      start = at + 1
    }
    if (part === ')') depth -= 1
    if (depth === 0) return { args, end: at + 1 }
  }
  throw new Error(`a parenthesis is not closed: ${sql.slice(open, open + 40)}`)
}

/** Spans that Grafana rounds to, in seconds; and it goes up where the span is past the middle. */
const SPANS = [10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400]

/** The span of one point, as Grafana chooses it for a panel of at most so many points and a shortest span. */
export function intervalOf(rangeMs: number, points: number, shortestMs: number): number {
  const wanted = rangeMs / points / 1000
  const rounded = SPANS.find((span, i) => wanted < (span + (SPANS[i + 1] ?? span)) / 2) ?? SPANS.at(-1)!
  return Math.max(shortestMs, rounded * 1000)
}
