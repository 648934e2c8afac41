/** Whether each group of the bus goes on: it is fine while it has little to read, or while its offset moves. */
import { counted } from '../alerts/words.ts'
import type { GroupLag, RequiredGroup } from '../core/bus/bus.ts'
import { type Clock, MINUTE, SECOND } from '../core/clock.ts'
import type { Check } from '../core/telemetry/health.ts'

/**
 * A quiet pipeline's records are ticks, one a second in each partition, and groups commit by log time: a group that has stood
 * still for longer than any of them waits, while the log has grown, is stuck.
 */
const STUCK_AFTER = 2 * MINUTE

interface Seen {
  committed: number
  movedAt: number
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
    for (const lag of lags) {
      const before = this.#seen.get(nameOf(lag))
      if (before === undefined || before.committed !== lag.committed || lag.committed === lag.end) {
        this.#seen.set(nameOf(lag), { committed: lag.committed, movedAt: now })
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
      const stillFor = now - this.#seen.get(nameOf(lag))!.movedAt
      return stillFor > STUCK_AFTER ? [{ ...lag, seconds: Math.round(stillFor / SECOND) }] : []
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

function nameOf({ group, topic, partition }: GroupLag): string {
  return `${group} ${topic}/${partition}`
}
