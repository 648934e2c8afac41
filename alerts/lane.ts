/** The way to one receiver: how many messages at once, how many a minute, and a pause where the receiver asked for one. */
import { MINUTE } from '../core/clock.ts'
import type { Channel } from './notify/channel.ts'

/** Messages on their way to one receiver at once. */
const MAX_AT_ONCE = 4

export class Lane {
  readonly channel: Channel
  readonly #perMinute: number
  #underWay = 0
  #tokens: number
  #refilled = 0
  #pausedUntil = 0

  constructor(channel: Channel, perMinute: number) {
    this.channel = channel
    this.#perMinute = perMinute
    this.#tokens = perMinute
  }

  /** Takes a place where one is free at `now` (epoch microseconds); `release` gives it back. */
  take(now: number): boolean {
    const earned = (Math.max(0, now - this.#refilled) / MINUTE) * this.#perMinute
    this.#tokens = Math.min(this.#perMinute, this.#tokens + earned)
    this.#refilled = now
    if (now < this.#pausedUntil || this.#underWay >= MAX_AT_ONCE || this.#tokens < 1) return false
    this.#underWay += 1
    this.#tokens -= 1
    return true
  }

  /** A message that was not taken disturbed nobody and does not count. */
  release(taken: boolean): void {
    this.#underWay -= 1
    if (!taken) this.#tokens = Math.min(this.#perMinute, this.#tokens + 1)
  }

  /** The receiver asked to be left alone until then. */
  pause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, until)
  }
}
