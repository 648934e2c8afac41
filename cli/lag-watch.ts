/**
 * Whether each group of the bus goes on: it is fine while it has nothing to read, while its offset moves, and while the log's time stands
 * still, for which groups wait with what they have read (time-watch.ts tells of that).
 */
import { counted } from '../alerts/words.ts'
import type { GroupLag, RequiredGroup } from '../core/bus/bus.ts'
import { hasTicks } from '../core/bus/topics.ts'
import { type Clock, MINUTE, SECOND } from '../core/clock.ts'
import type { Check } from '../core/telemetry/health.ts'

/**
 * A quiet pipeline's records are ticks, one a second or one a window in each partition, and groups commit by log time, each minute at
 * least: a group that has stood still for twice as long, while the log has grown, is stuck.
 */
const STUCK_AFTER = 2 * MINUTE
/** Without a tick for so long, the log's time stands still. */
const QUIET_AFTER = MINUTE

interface Seen {
  committed: number
  end: number
  /** When the group moved, or had reason to again. */
  movedAt: number
  grewAt: number
}

export class LagWatch {
  readonly #clock: Clock
  readonly #groups: readonly RequiredGroup[]
  readonly #since: number
  readonly #seen = new Map<string, Seen>()

  /** Others than these groups may do as they like. */
  constructor(clock: Clock, groups: readonly RequiredGroup[]) {
    this.#clock = clock
    this.#groups = groups
    this.#since = clock.now()
  }

  #observe(lags: readonly GroupLag[]): void {
    const now = this.#clock.now()
    for (const { topic, partition, group, committed, end } of lags) {
      const name = nameOf({ topic, partition, group })
      const before = this.#seen.get(name)
      if (before === undefined || before.committed !== committed || committed === end) {
        this.#seen.set(name, { committed, end, movedAt: now, grewAt: now })
      } else if (before.end !== end) {
        const wasQuiet = hasTicks(topic) && now - before.grewAt > QUIET_AFTER
        this.#seen.set(name, { committed, end, movedAt: wasQuiet ? now : before.movedAt, grewAt: now })
      }
    }
  }

  /** To be called now and then: a group moves from one call to the next. */
  check(all: readonly GroupLag[]): Check {
    const lags = all.filter((lag) => this.#groups.some((group) => isOf(lag, group)))
    this.#observe(lags)
    const now = this.#clock.now()
    const missing = this.#groups.filter((group) => !lags.some((lag) => isOf(lag, group)))
    if (missing.length > 0 && now - this.#since > STUCK_AFTER) {
      const names = missing.map(({ group, topic }) => `${group} of ${topic}`)
      return { ready: false, detail: `nobody has begun to read as ${names.join(', ')}: start the role that does` }
    }
    const stuck = lags.flatMap((lag) => {
      const { movedAt, grewAt } = this.#seen.get(nameOf(lag))!
      const stillFor = now - movedAt
      const isQuiet = hasTicks(lag.topic) && now - grewAt > QUIET_AFTER
      return stillFor > STUCK_AFTER && !isQuiet ? [{ ...lag, seconds: Math.round(stillFor / SECOND) }] : []
    })
    const most = Math.max(0, ...lags.map(({ committed, end }) => end - committed))
    if (stuck.length === 0)
      return { ready: true, detail: `every group goes on; the slowest has ${counted(most, 'records')} to read` }
    const told = stuck.map(
      ({ group, topic, partition, committed, end, seconds }) =>
        `${group} has not moved for ${seconds} s and has ${counted(end - committed, 'records')} of ${topic}/${partition} to read`,
    )
    return { ready: false, detail: told.join('; ') }
  }
}

function isOf(lag: GroupLag, { group, topic }: RequiredGroup): boolean {
  return lag.group === group && lag.topic === topic
}

function nameOf({ group, topic, partition }: Pick<GroupLag, 'group' | 'topic' | 'partition'>): string {
  return `${group} ${topic}/${partition}`
}
