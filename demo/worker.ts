/**
 * Runs the simulation in a thread of its own and sends it to the collector's port. The thread leads: for each stretch of time it
 * tells the time, sends the records, and once all are acknowledged asks for a tick. It makes the next stretch while it waits.
 * Ordinary days are told in stretches of half an hour, what is to be watched minute by minute, and life that goes on after the story as it
 * happens.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { DAY, HOUR, MINUTE, SECOND } from '../core/clock.ts'
import type { AccessLog } from './access-log.ts'
import { encodeLogs } from './otlp.ts'
import { LogSender } from './sender.ts'
import { type Story, simulate } from './simulation.ts'

export interface WorkerInput {
  target: string
  originUs: number
  endUs: number
  story: Story
  /** Go on with live traffic after the story's end. */
  live: boolean
}

/** To the parent: `time` before a minute's records are sent, `done` when all of them are acknowledged. */
export interface WorkerMessage {
  type: 'time' | 'done' | 'end'
  /** Simulated time since the start. */
  atUs: number
  records: number
}

const BATCH = 500
const port = parentPort!
const input = workerData as WorkerInput
const sender = new LogSender(input.target)
const stop = new AbortController()

function ask(message: WorkerMessage): Promise<void> {
  return new Promise((resolve) => {
    port.once('message', () => resolve())
    port.postMessage(message)
  })
}

const STRETCH_US = 30 * MINUTE
/** Life that goes on is told so often, as a collector ticks. */
const SLICE_US = SECOND
const closeUpUs = input.story.days * DAY - HOUR
const aheadMs = (atUs: number) => (input.originUs + atUs) / 1000 - Date.now()

async function tell(untilUs: number, records: AccessLog[]): Promise<void> {
  const bodies: Buffer[] = []
  for (let at = 0; at < records.length; at += BATCH) bodies.push(encodeLogs(records.slice(at, at + BATCH)))
  await sent
  sent = (async () => {
    await ask({ type: 'time', atUs: untilUs, records: records.length })
    await Promise.all(bodies.map((body) => sender.send(body, stop.signal)))
    await ask({ type: 'done', atUs: untilUs, records: records.length })
  })()
}

let sent: Promise<void> = Promise.resolve()
let ended = false
let stretch: AccessLog[] = []
for (const { untilUs, records } of simulate(input.story, input.originUs)) {
  if (untilUs > input.endUs && !ended) {
    ended = true
    await sent
    await ask({ type: 'end', atUs: untilUs, records: 0 })
    if (!input.live) break
  }
  if (ended) {
    for (let toUs = untilUs - MINUTE + SLICE_US; toUs <= untilUs; toUs += SLICE_US) {
      const [fromUs, endUs] = [input.originUs + toUs - SLICE_US, input.originUs + toUs]
      await delay(Math.max(0, aheadMs(toUs)))
      await tell(
        toUs,
        records.filter(({ startUs }) => startUs < endUs && (startUs >= fromUs || toUs === untilUs - MINUTE + SLICE_US)),
      )
    }
    continue
  }
  for (const record of records) stretch.push(record)
  if (untilUs < closeUpUs && untilUs % STRETCH_US !== 0) continue
  await tell(untilUs, stretch)
  stretch = []
}
sender.close()
port.close()
