/**
 * What other collectors learn, where several share a bus: each follows the topic of names, from before the oldest name that can still
 * be asked for. Nothing needs to be kept of it beside the log: a name in use is told anew each minute.
 */
import type { BusRecord, Following, FollowOptions } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { MINUTE } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { Directory, KEPT_MINUTES } from './directory.ts'
import { decodeNames, type LearnedName } from './learned-name.ts'

/** How long a name may be on its way to the log. */
const SLACK_MINUTES = 10
const BACK_MS = ((KEPT_MINUTES + SLACK_MINUTES) * MINUTE) / 1000

export interface FollowedNames {
  /** All that the log knew of names when this began. Rejects where the signal aborts before. */
  before: Promise<LearnedName[]>
  /** Tells `listener` what has come since `before` resolved, and what comes from now on. */
  pass(listener: (names: readonly LearnedName[]) => void): void
  /** Until the signal aborts; rejects when it fails for good. */
  running: Promise<void>
  /** Resolves once all has been told that was durable when it was called; rejects (retriable) where that takes seconds. Absent without others. */
  upToNow?(): Promise<void>
}

export function followNames(
  { follow, logger }: { follow(options: FollowOptions): Following; logger: Logger },
  signal: AbortSignal,
): FollowedNames {
  const table = new Directory()
  let since: LearnedName[] = []
  let tell = (names: readonly LearnedName[]): void => {
    since.push(...names)
  }
  let take = (names: readonly LearnedName[]): void => {
    table.know(names)
  }
  const onRecords = (records: readonly BusRecord[]): void => {
    for (const { offset, value } of records) {
      const names = decodeNames(value)
      // Names annotate: without some of them is better than not at all.
      if (names === undefined) logger.warn({ offset }, 'a record of learned names cannot be read and is left out')
      else take(names)
    }
  }
  const { caughtUp, running, upToNow } = follow({ topic: TOPIC.names, since: Date.now() - BACK_MS, onRecords, signal })
  const before = caughtUp.then(() => {
    take = (names) => tell(names)
    return table.names()
  })
  before.catch(() => {
    // Told to whoever awaits it.
  })
  return {
    before,
    pass(listener) {
      listener(since)
      since = []
      tell = listener
    },
    running,
    upToNow,
  }
}
