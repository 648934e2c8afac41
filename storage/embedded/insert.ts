/** Inserts whose rows come as a body of their own: the body waits in a file, and the statement is made to read it. */
import { PipelineError } from '../../core/errors.ts'
import { quoteText } from './engine.ts'
import { tokenize } from './tokens.ts'

/** True for `INSERT ... FORMAT X` without rows behind it. */
export function awaitsRows(sql: string): boolean {
  const { tokens } = tokenize(sql)
  return tokens[0]?.value.toUpperCase() === 'INSERT' && tokens.at(-2)?.value.toUpperCase() === 'FORMAT'
}

/**
 * `INSERT INTO t (a) SETTINGS s = 1 FORMAT F` reading its rows from `path`. Blocks are not split on the way, so that one insert of
 * at most a million rows into one partition is one part: the unit that a deduplication token stands for.
 */
export function insertFromFile(sql: string, path: string): string {
  const statement = tokenize(sql)
  const { tokens } = statement
  const format = tokens.at(-2)
  if (format?.value.toUpperCase() !== 'FORMAT') throw new PipelineError('bad_input', 'an insert must end in FORMAT')
  const settings = tokens.find((token) => token.kind === 'word' && token.value.toUpperCase() === 'SETTINGS')
  const place = (settings ?? format).from
  const own = 'input_format_parallel_parsing = 0'
  const rest =
    settings === undefined
      ? `SETTINGS ${own} ${statement.sql.slice(place)}`
      : `SETTINGS ${own}, ${statement.sql.slice(settings.to)}`
  return `${statement.sql.slice(0, place)}FROM INFILE ${quoteText(path)} ${rest}`
}
