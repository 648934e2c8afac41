/** The matchers that silence an incident and its like: docs/alerts.md says how they are written. Pure. */
export interface Matched {
  detector: string
  cause: string
  sources: readonly string[]
  destinations: readonly string[]
}

const MAX_MATCHER = 512

/** By detector, sources and destinations; by cause where these are too many to name. */
export function matchersOf({ detector, cause, sources, destinations }: Matched): string[] {
  const named = [is('source', sources), is('destination', destinations)]
  const fits = named.every((one) => one.length <= MAX_MATCHER)
  return [is('detector', [detector]), ...(fits ? named : [is('cause', [cause])])].filter((one) => one !== '')
}

/** '' where there is nothing to match. */
function is(label: string, values: readonly string[]): string {
  const given = values.filter((value) => value !== '')
  if (given.length === 0) return ''
  if (given.length === 1) return `${label}=${quoted(given[0]!)}`
  return `${label}=~${quoted(given.map(literal).join('|'))}`
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
