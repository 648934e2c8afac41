/**
 * Records of the log that are damaged, or that Eastwatch did not write: counted and passed over, as one of them must not hold up what
 * comes behind it. A version that this program does not know is an error that stops the sink: a newer program can read it.
 */
import { PipelineError } from '../core/errors.ts'
import { counter } from '../core/telemetry/instruments.ts'

const unreadable = counter('eastwatch.storage', 'eastwatch_unreadable_records', {
  description: 'Records of the log that could not be read and were passed over, by the table that they were for.',
})

/** undefined where `read` throws or gives nothing. Throws `block_version` as `read` does. */
export function readOrPass<T>(table: string, read: () => T | undefined): T | undefined {
  try {
    const found = read()
    if (found !== undefined) return found
  } catch (error) {
    if (error instanceof PipelineError && error.code === 'block_version') throw error
  }
  unreadable(1, { table })
  return undefined
}
