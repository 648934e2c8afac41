/** Waits until what is in the log has gone all the way through. */
import { setTimeout as delay } from 'node:timers/promises'
import type { GroupLag } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'

/** Topics in the order in which one feeds the next. */
const ORDER = [TOPIC.calls, TOPIC.windows, TOPIC.findings, TOPIC.incidents]
const PAUSE_MS = 50

export interface Settling {
  /** Lets log time go on, so that windows close and batches are cut. */
  tick(): Promise<void>
  lag(): Promise<GroupLag[]>
  signal: AbortSignal
}

/** Topic by topic: every group has committed all that was in the topic when the topic before it was done. */
export async function settle(settling: Settling): Promise<void> {
  for (const topic of ORDER) await settleTopic(topic, settling)
}

/** Every group has committed all that is in the topic now. */
export async function settleTopic(topic: string, { tick, lag, signal }: Settling): Promise<void> {
  const ends = new Map((await lag()).filter((l) => l.topic === topic).map((l) => [`${l.group}/${l.partition}`, l.end]))
  for (;;) {
    const behind = (await lag()).filter(
      (l) => l.topic === topic && l.committed < (ends.get(`${l.group}/${l.partition}`) ?? 0),
    )
    if (behind.length === 0) return
    await tick()
    await delay(PAUSE_MS, undefined, { signal })
  }
}
