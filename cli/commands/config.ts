import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { z } from 'zod'
import { type Run, UsageError } from '../command.ts'
import { EastwatchConfig, readConfig } from '../config.ts'

/** Keys whose values are never shown. */
const SECRET_KEY = /secret|password|token|key$|^webhookUrl$/i

export const run: Run = async (args, around) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { config: { type: 'string', short: 'c' } },
  })
  switch (positionals[0]) {
    case 'check':
      readConfig(values.config, around)
      around.out('the configuration is fine\n')
      return 0
    case 'schema':
      around.out(`${JSON.stringify(z.toJSONSchema(EastwatchConfig, { io: 'input' }), null, 2)}\n`)
      return 0
    case 'print':
      around.out(stringify(hideSecrets(readConfig(values.config, around))))
      return 0
    default:
      throw new UsageError('say check, schema or print')
  }
}

function hideSecrets(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => hideSecrets(item, key))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, hideSecrets(item, name)]))
  }
  return SECRET_KEY.test(key) && typeof value === 'string' && value !== '' ? '(hidden)' : value
}
