/**
 * The engine looks at the clock, and at KILL QUERY, between blocks. One call of a costly function on one block may take hours, and holds
 * a thread and a reader's place meanwhile. Nothing but the end of the process stops it, which the store is made to survive.
 */
const LEAST_GRACE_S = 10

/** Seconds after which a query is beyond its limit for good: analysing a large statement is not timed and may take a while. */
export function overdueAfter(maxSeconds: number): number {
  return maxSeconds + Math.max(LEAST_GRACE_S, maxSeconds)
}

/** Calls `overdue` where the work has not ended by then. */
export async function watched<T>(work: Promise<T>, maxSeconds: number, overdue: () => void): Promise<T> {
  const timer = setTimeout(overdue, overdueAfter(maxSeconds) * 1000)
  try {
    return await work
  } finally {
    clearTimeout(timer)
  }
}
