import type { Annotator } from '../../../collector/naming/annotate.ts'
import type { Call } from '../../../core/call.ts'

/** As the collector does with a call that it reads for the first time. */
export function annotateBy(annotator: Annotator, call: Call): void {
  annotator.declare(call)
  const { decision, reason } = annotator.decider(call)(call.path)
  Object.assign(call, { decision, decisionReason: reason })
  annotator.learn(call)
}
