/** Compares what opened with what was planted. */
import { ATTACKS, type Attack } from './attacks.ts'

/** The part of an incident that the demo judges by. */
export interface Opened {
  id: string
  detector: string
  kinds: readonly string[]
  severity: string
  summary: string
  sourceIdentity: string
  sourceWorkload: string
  destinationService: string
  verdict: string
  findings: number
}

export interface Judgement {
  /** For each planted attack the incident that is its own, or undefined where there is none. */
  attacks: { attack: Attack; incident: Opened | undefined }[]
  /** Incidents above `info` that belong to no attack. */
  unexpected: Opened[]
}

/** Each incident can be the one of a single attack only. */
export function judge(opened: readonly Opened[], attacks: readonly Attack[] = ATTACKS): Judgement {
  const left = opened.filter((incident) => incident.severity !== 'info')
  const found = attacks.map((attack) => {
    const at = left.findIndex((incident) => belongs(incident, attack))
    return { attack, incident: at < 0 ? undefined : left.splice(at, 1)[0] }
  })
  return { attacks: found, unexpected: left }
}

export function passed({ attacks, unexpected }: Judgement): boolean {
  return unexpected.length === 0 && attacks.every((attack) => attack.incident !== undefined)
}

function belongs(incident: Opened, { expected }: Attack): boolean {
  const source = `${incident.sourceIdentity.split('/').at(-1)}|${incident.sourceWorkload}`.split('|')
  return (
    incident.detector === expected.detector &&
    incident.kinds.some((kind) => expected.kind.test(kind)) &&
    (expected.source === undefined || source.includes(expected.source)) &&
    (expected.destination === undefined || incident.destinationService === expected.destination) &&
    (expected.verdict === undefined || expected.verdict.test(incident.verdict))
  )
}
