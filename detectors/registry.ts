/** All detectors there are. */
import type { DetectorsConfig } from './config.ts'
import { denialSpike } from './denial-spike.ts'
import type { DetectorDefinition, Stage } from './detector.ts'
import type { NamedDetector } from './engine/judge.ts'

export const DETECTORS: readonly DetectorDefinition[] = [denialSpike]

export function detectorsOf(stage: Stage, config: DetectorsConfig): NamedDetector[] {
  return DETECTORS.filter((definition) => definition.stage === stage).map((definition) => ({
    name: definition.name,
    detector: definition.build(config),
  }))
}
