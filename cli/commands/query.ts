import { parseArgs } from 'node:util'
import { runQuery } from '../../storage/query.ts'
import { type Run, UsageError } from '../command.ts'
import { readConfig } from '../config.ts'

export const run: Run = async (args, around) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { config: { type: 'string', short: 'c' }, json: { type: 'boolean', default: false } },
  })
  const [sql, ...more] = positionals
  if (sql === undefined || more.length > 0) throw new UsageError('one query in quotes is needed')
  const config = readConfig(values.config, around)
  around.out(await runQuery({ config, sql, format: values.json ? 'json' : 'table' }))
  return 0
}
