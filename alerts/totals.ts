/** What an incident amounts to since it opened, beside the one window that its newest finding speaks of. Pure. */
import type { Finding } from '../detectors/detector.ts'
import { clip } from './clip.ts'
import { counted, lasted, measured, moment } from './words.ts'

const MAX_DESTINATIONS = 64
const MAX_NAME = 200
/** Of a summary, so that what it amounts to is never cut off. */
const MAX_ALARM = 800
/** Units in which a larger value says more of an incident. */
const COMPARABLE = new Set(['denials', 'handshakes', 'calls', 'destinations', 'microseconds'])

export interface Totals {
  /** Epoch microseconds: start of the first window that alarmed, end of the newest. */
  from: number
  to: number
  /** Windows that alarmed. Windows of several scales may overlap, so what they counted cannot be added up. */
  alarms: number
  /** The largest that one of them observed, in the unit of the first. */
  largest: number
  unit: string
  destinations: readonly string[]
}

export function firstTotals(finding: Finding): Totals {
  const { observed, unit } = finding.evidence
  return {
    from: finding.windowStart,
    to: finding.windowEnd,
    alarms: 1,
    largest: observed,
    unit: clip(unit, MAX_NAME),
    destinations: destinationOf(finding),
  }
}

export function addTotals(totals: Totals, finding: Finding): Totals {
  const next = firstTotals(finding)
  return {
    from: Math.min(totals.from, next.from),
    to: Math.max(totals.to, next.to),
    alarms: totals.alarms + 1,
    largest: next.unit === totals.unit ? Math.max(totals.largest, next.largest) : totals.largest,
    unit: totals.unit,
    destinations: [...new Set([...totals.destinations, ...next.destinations])].sort().slice(0, MAX_DESTINATIONS),
  }
}

/** The newest alarm's own sentence, and apart from it what all of them amount to. */
export function summaryOf(alarm: string, totals: Totals): string {
  const { alarms, from, to, largest, unit, destinations } = totals
  if (alarms === 1) return clip(alarm, MAX_ALARM)
  const parts = [`${counted(alarms, 'alarms')} over ${lasted(to - from)}`]
  if (COMPARABLE.has(unit)) parts.push(`at most ${measured(largest, unit)} in one`)
  if (destinations.length > 1) parts.push(`at ${counted(destinations.length, 'destinations')}`)
  return `${clip(alarm, MAX_ALARM)}. In all since ${moment(from)}: ${parts.join(', ')}`
}

function destinationOf({ key }: Finding): string[] {
  return key.destinationService === '' ? [] : [clip(key.destinationService, MAX_NAME)]
}
