/**
 * What is not ready for long is told as a finding, and so goes to people on the way that all incidents go, as long as that way is
 * whole. Where it is not, the heartbeat stops. These findings alone come from what the process sees of itself, not from the calls.
 */
import { type Clock, MINUTE } from '../core/clock.ts'
import type { Check } from '../core/telemetry/health.ts'
import type { Finding } from '../detectors/detector.ts'
import { pipelineFinding } from '../detectors/engine/pipeline-finding.ts'

/** A store that is started again, or a disk that is full for a moment, is nothing to tell. */
const TOLD_AFTER = MINUTE

export class TroubleWatch {
  readonly #clock: Clock
  /** By part: since when it is not ready, and the finding told last. */
  readonly #troubles = new Map<string, { since: number; told: string }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What is to be told now; `logTime` is the time in the log, epoch microseconds. Each part once in the span of a finding. */
  observe(parts: Readonly<Record<string, Check>>, logTime: number): Finding[] {
    const now = this.#clock.now()
    const findings: Finding[] = []
    for (const [part, { ready, detail }] of Object.entries(parts)) {
      if (ready) {
        this.#troubles.delete(part)
        continue
      }
      const trouble = this.#troubles.get(part) ?? { since: now, told: '' }
      this.#troubles.set(part, trouble)
      if (now - trouble.since < TOLD_AFTER) continue
      const finding = pipelineFinding('part_not_ready', part, logTime, detail)
      if (finding.id === trouble.told) continue
      trouble.told = finding.id
      findings.push(finding)
    }
    return findings
  }
}
