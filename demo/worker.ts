/**
 * Runs the simulation in a thread of its own and sends it to the collector's port. The thread leads: for each minute it tells
 * the time, sends the records, and once all are acknowledged asks for a tick. It makes the next minute while it waits.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
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

let sent: Promise<void> = Promise.resolve()
let ended = false
for (const { untilUs, records } of simulate(input.story, input.originUs)) {
  const bodies: Buffer[] = []
  for (let at = 0; at < records.length; at += BATCH) bodies.push(encodeLogs(records.slice(at, at + BATCH)))
  await sent
  if (untilUs > input.endUs && !ended) {
    ended = true
    await ask({ type: 'end', atUs: untilUs, records: 0 })
    if (!input.live) break
  }
  if (ended) {
    const aheadMs = (input.originUs + untilUs) / 1000 - Date.now()
    if (aheadMs > 0) await delay(aheadMs)
  }
  sent = (async () => {
    await ask({ type: 'time', atUs: untilUs, records: records.length })
    await Promise.all(bodies.map((body) => sender.send(body, stop.signal)))
    await ask({ type: 'done', atUs: untilUs, records: records.length })
  })()
}
sender.close()
port.close()
