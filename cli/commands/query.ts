import { parseArgs } from 'node:util'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { runQuery } from '../../storage/query.ts'
import { type Run, UsageError } from '../command.ts'
import { readConfig } from '../config.ts'

export const run: Run = async (args, around) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { config: { type: 'string', short: 'c' }, json: { type: 'boolean', default: false } },
  })
  const [sql = '', ...more] = positionals
  if (sql.trim() === '' || more.length > 0) throw new UsageError('one query in quotes is needed')
  const config = readConfig(values.config, around)
  try {
    const answer = await runQuery({ config, sql, format: values.json ? 'json' : 'table' })
    around.out(answer)
    if (answer === '' && !values.json) around.err('no rows\n')
    return 0
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error
    throw new PipelineError(error.code, inWords(messageOf(error)), { cause: error })
  }
}

/** What mends an error, by ClickHouse's name of it. */
const ADVICE: Readonly<Record<string, string>> = {
  UNKNOWN_TABLE: '"SHOW TABLES" lists what there is',
  UNKNOWN_IDENTIFIER: '"DESCRIBE <table>" lists its columns',
  TOO_MANY_ROWS_OR_BYTES: 'add LIMIT, or raise storage.query.maxResultRows',
  TIMEOUT_EXCEEDED: 'ask of less time, or raise storage.query.maxSeconds',
  MEMORY_LIMIT_EXCEEDED: 'ask of less time or fewer columns, or raise storage.query.maxMemoryBytes',
}

/** `Code: 60. DB::Exception: what (NAME)` as a sentence. */
function inWords(message: string): string {
  const [, what, name] = /^Code: \d+\. DB::Exception: (.*?)\.?(?: \(([A-Z_]+)\))?$/s.exec(message) ?? []
  if (what === undefined) return message
  const advice = ADVICE[name ?? '']
  return advice === undefined ? what : `${what}; ${advice}`
}
