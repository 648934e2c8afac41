/** `eastwatch token`: makes a token for the console and its API. */
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { z } from 'zod'
import { TokenConfig } from '../../alerts/api/config.ts'
import { makeToken } from '../../alerts/api/tokens.ts'
import { type Run, UsageError } from '../command.ts'

export const run: Run = async (args, around) => {
  const { values } = parseArgs({
    args,
    options: { name: { type: 'string' }, role: { type: 'string' }, namespace: { type: 'string', multiple: true } },
  })
  if (values.name === undefined) throw new UsageError('--name is needed: it stands in the audit')
  const { token, sha256 } = makeToken()
  const own = { name: values.name, role: values.role ?? 'reader', namespaces: values.namespace ?? [], sha256 }
  const checked = TokenConfig.safeParse(own)
  if (!checked.success) throw new UsageError(z.prettifyError(checked.error).replaceAll('\n', ' '))
  around.out(
    [
      'The token, shown this once. Give it to its owner and to nobody else:',
      '',
      `  ${token}`,
      '',
      'Add this to eastwatch.yaml, and start the console again:',
      '',
      stringify({ console: { tokens: [own] } }),
    ].join('\n'),
  )
  return 0
}
