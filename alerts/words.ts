/** Numbers and times as people read them. */
import { counted as countedNoun } from '../detectors/wording.ts'

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 })
/** Below this an expectation is as good as none. */
const LEAST = 0.01

/** A count of what a unit names: `counted(1, 'calls')` is `1 call`. The unit's first word ends in s. */
export function counted(count: number, plural: string): string {
  return countedNoun(count, plural.replace(/s\b/, ''), plural)
}

/** A value in the unit of a finding's evidence: microseconds as a duration, everything else as it is. */
export function measured(value: number, unit: string): string {
  if (unit === 'microseconds') return `${number.format(value / 1000)} ms`
  return Number.isInteger(value) ? counted(value, unit) : `${number.format(value)} ${unit}`
}

/** What was expected in that unit; a tiny expectation is no number that helps anyone. */
export function expectation(value: number, unit: string): string {
  if (unit === 'microseconds') return measured(value, unit)
  if (value === 0) return 'none'
  return value < LEAST ? `fewer than ${LEAST}` : number.format(value)
}

const STEPS: readonly [us: number, plural: string][] = [
  [86_400_000_000, 'days'],
  [3_600_000_000, 'hours'],
  [60_000_000, 'minutes'],
  [1_000_000, 'seconds'],
]

/** The largest unit of which there are at least two, rounded: `90 seconds`, `12 minutes`, `3 days`. */
export function lasted(us: number): string {
  const [step, plural] = STEPS.find(([unit]) => us >= 2 * unit) ?? STEPS.at(-1)!
  return counted(Math.round(us / step), plural)
}

/** Epoch microseconds as `2027-01-15 08:00:10 UTC`. */
export function moment(us: number): string {
  return `${new Date(Math.floor(us / 1000)).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
