/** Records of a topic that cannot be read: never a reason to stop, always a reason to say so. */
import { messageOf, PipelineError } from '../../core/errors.ts'
import type { PipelineTrouble } from './pipeline-finding.ts'

export class Unreadable {
  readonly kind: PipelineTrouble
  readonly reason: string

  constructor(error: unknown) {
    this.kind =
      error instanceof PipelineError && error.code === 'block_version' ? 'record_version' : 'record_unreadable'
    this.reason = messageOf(error)
  }
}

/** What `read` gives, or why there is nothing to give. Reading changes no memory, so whatever it throws harms nothing. */
export function attempt<T>(read: () => T): T | Unreadable {
  try {
    return read()
  } catch (error) {
    return new Unreadable(error)
  }
}
