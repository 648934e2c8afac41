/** Who watches the watcher: a receiver outside, which raises the alarm when it has heard nothing for a minute and a half. */
import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SECRET, startReceiver } from '../alerts/findings.ts'
import { noPipeline } from '../e2e/pipeline.ts'
import { FREE_PORTS, folderWith, up } from './command.ts'

const PATIENCE_MS = 90_000
const PROMISED_MS = 120_000

describe.skipIf(noPipeline() !== undefined)('the heartbeat of a process', () => {
  it('stops when the process is killed, which its receiver notices within two minutes', async () => {
    const watchdog = await startReceiver()
    let alarm: NodeJS.Timeout | undefined
    let killedAt = 0
    const noticed = new Promise<number>((resolve) => {
      watchdog.answer = (response) => {
        response.writeHead(204).end()
        clearTimeout(alarm)
        alarm = setTimeout(() => resolve(performance.now()), PATIENCE_MS)
      }
    })
    const heartbeat = { url: watchdog.url, secret: SECRET, allowRanges: ['127.0.0.0/8'] }
    const folder = folderWith({ ...FREE_PORTS, alerts: { heartbeat } })
    const running = await up(folder)
    try {
      await watchdog.until((all) => all.length === 1)
      expect(watchdog.received[0]!.json.type).toBe('eastwatch.heartbeat')
      running.child.kill('SIGKILL')
      killedAt = performance.now()
      await running.ended
      expect((await noticed) - killedAt).toBeLessThan(PROMISED_MS)
      expect(watchdog.received.length).toBe(1)
    } finally {
      clearTimeout(alarm)
      running.child.kill('SIGKILL')
      await watchdog.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }, 300_000)
})
