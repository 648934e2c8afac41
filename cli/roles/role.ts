/** What every role is: a part of the pipeline that can be a process of its own. */
import type { Bus } from '../../core/bus/bus.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Health } from '../../core/telemetry/health.ts'
import type { PolicySource } from '../../policy/read.ts'
import type { EastwatchConfig } from '../config.ts'

/** In the order in which they start: who reads before who writes. They stop the other way round, so that what was accepted is drained. */
export const ROLES = ['storage', 'alerts', 'detectors', 'collector'] as const
export type PipelineRole = (typeof ROLES)[number]
/** With them, what people see of it all: the pipeline does without. */
export const ALL_ROLES = [...ROLES, 'console'] as const
export type RoleName = (typeof ALL_ROLES)[number]

/** What a role finds in its process. */
export interface RoleContext {
  config: EastwatchConfig
  /** Where this process keeps what is its own. */
  dataFolder: string
  policy: PolicySource
  bus: Bus
  /** The log's, or what drives it. */
  clock: Clock
  ticking: boolean
  health: Health
  logger: Logger
}

export interface RunningRole {
  /** Resolves when it has stopped; rejects with what keeps it from going on. */
  ended: Promise<void>
  /** Everything that it has taken up is committed, or left for whoever comes next. Never rejects: `ended` tells. */
  stop(): Promise<void>
}

/** A role whose work runs until a signal aborts. */
export function runningRole(run: (signal: AbortSignal) => Promise<void>): RunningRole {
  const stopping = new AbortController()
  const ended = run(stopping.signal)
  ended.catch(() => {
    // Told to whoever awaits it.
  })
  return {
    ended,
    async stop() {
      stopping.abort()
      await Promise.allSettled([ended])
    },
  }
}
