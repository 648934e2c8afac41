/** All detectors there are. */
import type { DetectorsConfig } from './config.ts'
import { denialScan } from './denial-scan.ts'
import { denialSpike } from './denial-spike.ts'
import type { DetectorDefinition, Stage } from './detector.ts'
import type { NamedDetector } from './engine/judge.ts'
import { latencyShift } from './latency-shift.ts'
import { newPair } from './new-pair.ts'
import { newPath } from './new-path.ts'
import { destinationStopped, sourceStopped } from './telemetry-stopped.ts'
import { tlsFailure } from './tls-failure.ts'

export const DETECTORS: readonly DetectorDefinition[] = [
  denialSpike,
  denialScan,
  tlsFailure,
  newPath,
  newPair,
  latencyShift,
  destinationStopped,
  sourceStopped,
]

export function detectorsOf(stage: Stage, config: DetectorsConfig): NamedDetector[] {
  return DETECTORS.filter((definition) => definition.stage === stage).map((definition) => ({
    name: definition.name,
    detector: definition.build(config),
  }))
}
