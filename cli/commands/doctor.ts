import { parseArgs } from 'node:util'
import { findEndpoint } from '../../storage/embedded/endpoint.ts'
import { examine } from '../../storage/queries/examine.ts'
import { openReader } from '../../storage/query.ts'
import { type Run, UsageError } from '../command.ts'
import { readConfig } from '../config.ts'
import { reportText } from '../report.ts'

const MOST_HOURS = 24 * 3650

export const run: Run = async (args, around) => {
  const { values } = parseArgs({
    args,
    options: {
      config: { type: 'string', short: 'c' },
      hours: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })
  const hours = Number(values.hours)
  if (!Number.isSafeInteger(hours) || hours < 1 || hours > MOST_HOURS) {
    throw new UsageError(`--hours takes a whole number from 1 to ${MOST_HOURS}`)
  }
  const config = readConfig(values.config, around)
  // A server answers whether or not a pipeline stores into it.
  const running = config.storage.url === undefined ? (await findEndpoint(config.dataFolder)) !== undefined : null
  const reader = await openReader(config)
  try {
    const { services, rejected } = await examine(reader, hours)
    const report = { hours, running, services, rejected }
    around.out(values.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, config))
    const seesAll = services.length > 0 && services.every((s) => s.detectors.every((d) => d.state === 'on'))
    return seesAll && rejected.length === 0 ? 0 : 1
  } finally {
    await reader.close()
  }
}
