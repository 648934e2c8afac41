/**
 * Tells of the engine's own troubles, each once in a span of log time. What was told is part of the stage's state: after a restart
 * the first of its kind is still the first.
 */
import type { Finding } from '../detector.ts'
import { type PipelineTrouble, pipelineFinding } from './pipeline-finding.ts'

interface Waiting {
  kind: PipelineTrouble
  subject: string
  detail: string
}

/** Fingerprint and id of what was told last, and the end of the span it speaks for. */
export type Told = readonly [fingerprint: string, id: string, until: number]

export class Troubles {
  readonly #told = new Map<string, { id: string; until: number }>()
  /** Troubles from before the log had a time. */
  #waiting: Waiting[] = []

  /** `time` is the watermark; what comes before there is one is told with the first call that has it. */
  tell(kind: PipelineTrouble, subject: string, time: number, detail = ''): Finding[] {
    if (Number.isFinite(time)) return this.#tell({ kind, subject, detail }, time)
    if (!this.#waiting.some((other) => other.kind === kind && other.subject === subject)) {
      this.#waiting.push({ kind, subject, detail })
    }
    return []
  }

  /** The log has a time: what waited for it. */
  due(time: number): Finding[] {
    if (this.#waiting.length === 0 || !Number.isFinite(time)) return []
    return this.#waiting.splice(0).flatMap((trouble) => this.#tell(trouble, time))
  }

  /** What may still be repeated at or after `time`. */
  snapshot(time: number): Told[] {
    for (const [fingerprint, { until }] of this.#told) if (until <= time) this.#told.delete(fingerprint)
    return [...this.#told].map(([fingerprint, { id, until }]) => [fingerprint, id, until])
  }

  restore(told: readonly Told[]): void {
    for (const [fingerprint, id, until] of told) this.#told.set(fingerprint, { id, until })
  }

  #tell({ kind, subject, detail }: Waiting, time: number): Finding[] {
    const finding = pipelineFinding(kind, subject, time, detail)
    if (this.#told.get(finding.fingerprint)?.id === finding.id) return []
    this.#told.set(finding.fingerprint, { id: finding.id, until: finding.windowEnd })
    return [finding]
  }
}
