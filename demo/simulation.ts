/** The demo's story in order: ordinary minutes, the attacks planted at the end, and, where asked, life going on. */
import type { AccessLog, Exchange } from './access-log.ts'
import { ATTACKS, ATTACKS_US, type Attack } from './attacks.ts'
import { seeded } from './random.ts'
import { Traffic } from './traffic.ts'

const MINUTE_US = 60_000_000
const DAY_US = 24 * 60 * MINUTE_US

/** Quiet time after the last attack, so that its windows close before the demo judges itself. */
const TAIL_US = 5 * MINUTE_US

export interface Story {
  seed: number
  attacks: boolean
  /** Simulated days of ordinary life before the last hour. */
  days: number
}

/** Length of the story in microseconds. */
export function storyUs(story: Story): number {
  return story.days * DAY_US + ATTACKS_US + TAIL_US
}

export interface Minute {
  /** Simulated time since the start at which the minute ends. */
  untilUs: number
  records: AccessLog[]
}

/** Minute after minute, without end; records are in the order in which the sidecars wrote them. */
export function* simulate(story: Story, originUs: number): Generator<Minute> {
  const random = seeded(story.seed)
  const traffic = new Traffic(random, originUs)
  const firstAttackUs = story.days * DAY_US
  for (let fromUs = 0; ; fromUs += MINUTE_US) {
    const untilUs = fromUs + MINUTE_US
    const running = story.attacks ? ATTACKS.filter((attack) => isRunning(attack, fromUs - firstAttackUs)) : []
    const tamper = (exchange: Exchange) => {
      for (const attack of running) attack.tamper?.(exchange)
    }
    const records = traffic.minute(fromUs, untilUs, tamper)
    for (const attack of running) records.push(...attack.records({ traffic, random }, fromUs, untilUs))
    yield { untilUs, records: records.sort((a, b) => a.startUs - b.startUs) }
  }
}

function isRunning(attack: Attack, sinceUs: number): boolean {
  return attack.fromUs <= sinceUs && sinceUs < attack.untilUs
}
