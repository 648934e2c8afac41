/**
 * Three-valued (Kleene) logic. The third value is a text: why it is not known. So an unknown that does not change the outcome
 * costs nothing, and one that does brings its reason along.
 */
export type Ternary = boolean | string

export function not(value: Ternary): Ternary {
  return typeof value === 'string' ? value : !value
}

/** False as soon as one is false; else the first reason not to know; else true. Later items are not asked after a false. */
export function every<T>(items: readonly T[], test: (item: T) => Ternary): Ternary {
  let result: Ternary = true
  for (const item of items) {
    const value = test(item)
    if (value === false) return false
    if (result === true) result = value
  }
  return result
}

/** True as soon as one is true; else the first reason not to know; else false. */
export function some<T>(items: readonly T[], test: (item: T) => Ternary): Ternary {
  let result: Ternary = false
  for (const item of items) {
    const value = test(item)
    if (value === true) return true
    if (result === false) result = value
  }
  return result
}

export function both(a: Ternary, b: Ternary): Ternary {
  if (a === false || b === false) return false
  return a === true ? b : a
}
