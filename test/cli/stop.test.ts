import { rmSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { readRecording } from '../envoy/fixture.ts'
import { noEngine } from '../storage/store.ts'
import { FREE_PORTS, folderWith, runningIn, type Up, up } from './command.ts'

const KUBERNETES_KILLS_MS = 30_000

describe.skipIf(noEngine() !== undefined)('eastwatch up that is told to stop', () => {
  const ends: (() => void)[] = []
  afterEach(() => {
    for (const end of ends.splice(0).reverse()) end()
  })

  it('ends in bounded time where its store stands still, and leaves no process', async () => {
    const folder = folderWith({ ...FREE_PORTS, storage: { port: 0, ttlDays: { calls: 3650 } } })
    ends.push(() => rmSync(folder, { recursive: true }))
    const running: Up = await up(folder)
    ends.push(() => void running.child.kill('SIGKILL'))
    const [store] = runningIn(folder).filter((pid) => Number(pid) !== running.child.pid)
    process.kill(Number(store), 'SIGSTOP')
    for (const body of readRecording('allowed_http').bodies) {
      const headers = { 'content-type': 'application/x-protobuf' }
      expect((await fetch(`${running.http}/v1/logs`, { method: 'POST', headers, body })).status).toBe(200)
    }
    const before = performance.now()
    const { code } = await running.stop()
    expect(performance.now() - before).toBeLessThan(KUBERNETES_KILLS_MS)
    expect(code).toBe(0)
    expect(runningIn(folder)).toEqual([])
  }, 120_000)
})
