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
    throw new PipelineError(error.code, inWords(messageOf(error), config.storage.url === undefined), { cause: error })
  }
}

/** What mends an error, by ClickHouse's name of it. */
const ADVICE: Readonly<Record<string, string>> = {
  UNKNOWN_TABLE: '"SHOW TABLES" lists what there is',
  UNKNOWN_DATABASE: 'Eastwatch makes it when it first starts with this storage.url',
  UNKNOWN_IDENTIFIER: '"DESCRIBE <table>" lists its columns',
}
const LIMIT_ADVICE: Readonly<Record<string, { instead: string; key: string; setting: string }>> = {
  TOO_MANY_ROWS_OR_BYTES: { instead: 'add LIMIT', key: 'maxResultRows', setting: 'max_result_rows' },
  TIMEOUT_EXCEEDED: { instead: 'ask of less time', key: 'maxSeconds', setting: 'max_execution_time' },
  MEMORY_LIMIT_EXCEEDED: {
    instead: 'ask of less time or fewer columns',
    key: 'maxMemoryBytes',
    setting: 'max_memory_usage',
  },
}

/** `Code: 60. DB::Exception: what (NAME)` as a sentence. */
function inWords(message: string, isEmbedded: boolean): string {
  const [, what, name = ''] = /^Code: \d+\. DB::Exception: (.*?)\.?(?: \(([A-Z_]+)\))?$/s.exec(message) ?? []
  if (what === undefined) return message
  const limit = LIMIT_ADVICE[name]
  const advice =
    limit === undefined
      ? ADVICE[name]
      : `${limit.instead}, or raise ${isEmbedded ? `storage.query.${limit.key}` : `${limit.setting} in the reader's settings profile`}`
  return advice === undefined ? what : `${what}; ${advice}`
}
