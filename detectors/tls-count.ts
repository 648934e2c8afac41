/** Failed handshakes of a window, each class counted once whichever ends reported it. */
import type { PairWindow, TlsTally } from './window.ts'

/** One class of failure of a pair's window, counted once. */
export interface TlsFailures {
  tally: TlsTally
  count: number
}

/** What failed and which end refused it. */
export function failureClass({ failure, rejectedBy }: TlsTally): string {
  return `${failure}|${rejectedBy}`
}

/**
 * Failures of a window, each class once: the larger of both ends' counts. The end that refused knows why; what the other end was
 * told in an alert is coarser, so its classes count only where the refusing end is silent.
 */
export function countFailures(window: PairWindow): TlsFailures[] {
  const refused = new Set(
    window.tls.filter((tally) => tally.reporter === tally.rejectedBy).map(({ rejectedBy }) => rejectedBy),
  )
  const byClass = new Map<string, TlsFailures[]>()
  for (const tally of window.tls) {
    const told = tally.rejectedBy !== '' && tally.reporter !== tally.rejectedBy && refused.has(tally.rejectedBy)
    const known = window.tls.some((other) => other.reporter === tally.rejectedBy && other.failure === tally.failure)
    if (told && !known) continue
    const name = failureClass(tally)
    const own = byClass.get(name) ?? []
    byClass.set(name, own)
    const same = own.find((failures) => failures.tally.reporter === tally.reporter)
    if (same === undefined) own.push({ tally, count: tally.count })
    else {
      if (tally.count > same.tally.count) same.tally = tally
      same.count += tally.count
    }
  }
  return [...byClass.values()].map((own) => {
    const count = Math.max(...own.map((failures) => failures.count))
    const teller = own.find(({ tally }) => tally.reporter === tally.rejectedBy) ?? own[0]!
    return { tally: teller.tally, count }
  })
}
