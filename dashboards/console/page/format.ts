/** Numbers, times and names as people read them. Pure. */
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const few = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

export function count(value: number): string {
  return value < 100_000 ? whole.format(value) : short.format(value)
}

/** `1 call`, `2 calls`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

export function number(value: number): string {
  return Number.isInteger(value) ? count(value) : few.format(value)
}

export function milliseconds(us: number): string {
  return `${few.format(us / 1000)} ms`
}

/** Epoch milliseconds as `2027-01-15 08:00:10 UTC`; a dash where there is none. */
export function moment(ms: number): string {
  return ms > 0 ? `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC` : '–'
}

/** `08:00:10`. */
export function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19)
}

const STEPS: readonly [ms: number, one: string][] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
]

/** The largest unit of which there are at least two: `90 seconds`, `12 minutes`. */
export function lasted(ms: number): string {
  const [step, one] = STEPS.find(([unit]) => ms >= 2 * unit) ?? STEPS.at(-1)!
  return counted(Math.round(ms / step), one)
}

export function ago(ms: number, now: number): string {
  if (ms <= 0) return 'never'
  return now - ms < 2000 ? 'just now' : `${lasted(now - ms)} ago`
}

/** `cart.shop` of `cluster.local/ns/shop/sa/cart`; other names as they are. */
export function identityName(identity: string): string {
  const [, namespace, account] = /\/ns\/([^/]+)\/sa\/(.+)$/.exec(identity) ?? []
  return account === undefined ? identity : `${account}.${namespace}`
}

export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
