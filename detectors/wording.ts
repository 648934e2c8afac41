/** Counts and lists as a person reads them. */
const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** A count with its noun: `1 call`, `1,200 calls`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${WHOLE.format(count)} ${count === 1 ? one : many}`
}

/** The first `most` names and how many more there are: `a, b and 3 more`. */
export function listed(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? `${shown} and ${WHOLE.format(names.length - most)} more` : shown
}
