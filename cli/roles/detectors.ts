/** Detectors: both stages. */
import { metrics } from '@opentelemetry/api'
import { runDetectors } from '../../detectors/app.ts'
import { emptyCounts } from '../../detectors/engine/counts.ts'
import { type RoleContext, type RunningRole, runningRole } from './role.ts'

export function startDetectorsRole({ config, bus, logger }: RoleContext): RunningRole {
  const counts = { stage1: emptyCounts(), stage2: emptyCounts() }
  metrics
    .getMeter('eastwatch.pipeline')
    .createObservableCounter('eastwatch_detector_events', {
      description: 'What the detectors have read and made, by stage and kind: rows, late, evicted, findings and so on.',
    })
    .addCallback((result) => {
      for (const [stage, kinds] of Object.entries(counts)) {
        for (const [kind, value] of Object.entries(kinds)) result.observe(value, { stage, kind })
      }
    })
  return runningRole((signal) => runDetectors({ config: config.detectors, bus, logger, counts }, signal))
}
