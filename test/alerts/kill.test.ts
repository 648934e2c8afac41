import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startIncidents } from '../../alerts/incidents.ts'
import { HOUR } from '../../core/clock.ts'
import { encodeFinding, type Severity } from '../../detectors/detector.ts'
import { decodeAlertRecord, type IncidentRecord } from '../../storage/incident-records.ts'
import { eventually, finding, quietLogger, SECRET, startReceiver, tick } from './findings.ts'

const KILLS = 20
const built = existsSync(join(import.meta.dirname, '../../dist/core/bus/local/local-bus.js'))
if (!built) console.warn('alerts after kill -9: skipped, dist/ is not built (npm run build)')

/** What is published, a chunk at a time: findings of a dozen incidents that rise in severity, go quiet and come back. */
function chunks(): Uint8Array[][] {
  return Array.from({ length: KILLS * 2 }, (_, i) => {
    const end = 10 + i * 10
    const severity: Severity = i % 7 === 6 ? 'critical' : 'high'
    const findings = [0, 1, 2].map((j) =>
      finding(end, { fingerprint: `f${(i * 3 + j) % 12}`, severity, quietUs: 45_000_000 }),
    )
    return [...findings.map(encodeFinding), tick(end, 'stage1/0'), tick(end, 'stage2/0')]
  }).concat([[tick(10_000, 'stage1/0'), tick(10_000, 'stage2/0')]])
}

async function undisturbed(values: readonly Uint8Array[]): Promise<IncidentRecord[]> {
  const processor = await startIncidents(
    { topic: 't', partition: 0, logId: 'log', committed: 0, state: [] },
    { producers: ['stage1/0', 'stage2/0'], reopenUs: 24 * HOUR, maxIncidents: 20_000, logger: quietLogger },
  )
  const records = values.map((value, offset) => ({ offset, value }))
  const result = await processor.step({ topic: 't', partition: 0, records }, new AbortController().signal)
  return incidentRecords((result?.publish ?? []).map(({ value }) => value))
}

function incidentRecords(values: Iterable<Uint8Array>): IncidentRecord[] {
  return [...values].map(decodeAlertRecord).filter((record): record is IncidentRecord => record?.type === 'incident')
}

describe.skipIf(!built)('alerts on the embedded bus after kill -9', () => {
  it(`${KILLS} kills give the incidents of an undisturbed run, and each one's end reaches its receiver`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eastwatch-alerts-'))
    const hook = await startReceiver()
    const config = {
      receivers: [{ name: 'oncall', type: 'webhook', url: hook.url, secret: SECRET, allowRanges: ['127.0.0.0/8'] }],
      outbox: { retryFirstMs: 20, retryMaxMs: 100, messagesPerMinute: 10_000 },
    }
    const log = new Map<number, string>()
    const acknowledged = new Set<number>()
    let child: ChildProcess | undefined
    const start = async () => {
      child = fork(join(import.meta.dirname, 'alerts-process.mjs'), [folder, JSON.stringify(config)])
      child.on('message', (message: { seq?: number; offset?: number; value?: string }) => {
        if (message.seq !== undefined) acknowledged.add(message.seq)
        if (message.offset === undefined || message.value === undefined) return
        // What was committed once never changes.
        expect(log.get(message.offset) ?? message.value).toBe(message.value)
        log.set(message.offset, message.value)
      })
      const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the process ended with ${code}`)))
      ended.catch(() => {})
      // Its first message says that it is ready.
      await Promise.race([once(child, 'message'), ended])
      return child
    }
    const all = chunks()
    const send = (process: ChildProcess) => {
      // In order, up to two chunks beyond what is acknowledged; what is not acknowledged is sent again, unchanged.
      const first = all.findIndex((_, seq) => !acknowledged.has(seq))
      for (let seq = first; first >= 0 && seq < Math.min(first + 2, all.length); seq += 1) {
        process.send({ seq, values: all[seq]!.map((value) => Buffer.from(value).toString('base64')) })
      }
    }
    try {
      for (let kill = 0; kill < KILLS; kill += 1) {
        const process = await start()
        send(process)
        await delay(Math.random() * 60)
        const ended = once(process, 'exit')
        process.kill('SIGKILL')
        await ended
      }
      const last = await start()
      while (acknowledged.size < all.length) {
        send(last)
        const before = acknowledged.size
        await eventually(() => acknowledged.size).toBeGreaterThan(before)
      }
      const expected = await undisturbed(all.flat())
      const seen = () => {
        const ordered = [...log].sort(([a], [b]) => a - b)
        return incidentRecords(ordered.map(([, value]) => Buffer.from(value, 'base64')))
      }
      await eventually(() => seen().length).toBe(expected.length)
      expect(seen()).toEqual(expected)
      const ends = new Map(expected.map(({ id, version }) => [id, version]))
      const told = () => new Map(hook.received.map(({ json }) => [json.incident.id, json.incident.version]))
      await eventually(told).toEqual(ends)
    } finally {
      child?.kill('SIGKILL')
      await hook.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }, 60_000)
})
