/** Records of the log that are damaged, or that Eastwatch did not write: told and passed over, as one of them must not hold up the rest. */
import type { BusRecord } from '../core/bus/bus.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'

export interface Place {
  topic: string
  partition: number
}

/** undefined where `decode` throws or gives no object. */
export function readOrTell<T extends object>(
  decode: (value: Uint8Array) => T | undefined,
  { offset, value }: BusRecord,
  { topic, partition }: Place,
  logger: Logger,
): T | undefined {
  let reason = 'it is of another kind'
  try {
    const found = decode(value)
    if (typeof found === 'object' && found !== null) return found
  } catch (error) {
    reason = messageOf(error)
  }
  logger.error({ topic, partition, offset, reason }, 'a record of the log cannot be read and is passed over')
  return undefined
}
