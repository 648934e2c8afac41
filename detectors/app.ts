/** The detectors' role: both stages over every partition the bus gives this process. */
import type { Bus } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'
import type { Logger } from '../core/logger.ts'
import type { DetectorsConfig } from './config.ts'
import { emptyCounts, type StageCounts } from './engine/counts.ts'
import { createProcessor } from './engine/machine.ts'
import { Stage1 } from './engine/stage1.ts'
import { Stage2 } from './engine/stage2.ts'
import { detectorsOf } from './registry.ts'

export interface DetectorsOptions {
  config: DetectorsConfig
  bus: Bus
  logger: Pick<Logger, 'info' | 'warn'>
  /** Filled as the stages go on; for self-telemetry. */
  counts?: { stage1: StageCounts; stage2: StageCounts }
}

/** Groups of the bus, for lag and retention. */
export const DETECTOR_GROUPS = { stage1: 'detectors-stage1', stage2: 'detectors-stage2' } as const

/** Runs until the signal aborts; rejects where a stage fails for good. */
export async function runDetectors(options: DetectorsOptions, signal: AbortSignal): Promise<void> {
  const { config, bus, logger, counts = { stage1: emptyCounts(), stage2: emptyCounts() } } = options
  const partitions = {
    calls: bus.partitions(TOPIC.calls),
    windows: bus.partitions(TOPIC.windows),
    findings: bus.partitions(TOPIC.findings),
  }
  // Where one stage fails, the other must not go on as if all were well.
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const stop = (error: unknown): never => {
    failed.abort()
    throw error
  }
  logger.info({ partitions }, 'detectors start')
  const stage1 = bus.process({
    topic: TOPIC.calls,
    group: DETECTOR_GROUPS.stage1,
    signal: either,
    start: (assignment) => {
      const { partition } = assignment
      // Detectors hold nothing between windows but what the engine keeps for them: one set a partition all the same.
      const detectors = detectorsOf('destination', config)
      return createProcessor(
        assignment,
        new Stage1({ partition, partitions, config, detectors, counts: counts.stage1 }),
      )
    },
  })
  const stage2 = bus.process({
    topic: TOPIC.windows,
    group: DETECTOR_GROUPS.stage2,
    signal: either,
    start: (assignment) => {
      const { partition } = assignment
      const detectors = detectorsOf('source', config)
      return createProcessor(
        assignment,
        new Stage2({ partition, partitions, config, detectors, counts: counts.stage2 }),
      )
    },
  })
  const [first, second] = await Promise.allSettled([stage1.catch(stop), stage2.catch(stop)])
  for (const result of [first, second]) if (result.status === 'rejected') throw result.reason
}
