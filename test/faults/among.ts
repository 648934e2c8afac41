/** The one that a choice, at least 0 and below 1, falls on. */
export function among<T>(all: readonly T[], choice: number): T {
  return all[Math.floor(choice * all.length)]!
}
