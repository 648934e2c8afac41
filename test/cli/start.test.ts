/** What the start of `eastwatch up` says, and when. */
import { rmSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { freePorts } from '../harness/free-ports.ts'
import { eastwatch, FREE_PORTS, folderWith, runningIn, start, until } from './command.ts'

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function prepared(config: object): string {
  const folder = folderWith(config)
  folders.push(folder)
  return folder
}

interface Ready {
  ready: boolean
  parts: Record<string, { ready: boolean; detail: string }>
}

describe('the start of eastwatch up', () => {
  it('/readyz is 503 with what it waits for until it says that it is up, and 200 from then on; the tables are there', async () => {
    const health = `127.0.0.1:${(await freePorts(1))[0]}`
    const folder = prepared({ ...FREE_PORTS, telemetry: { address: health } })
    const running = start(folder, ['up'])
    try {
      const before: Ready[] = []
      await until(async () => {
        const saidBefore = running.out().includes('Eastwatch is up')
        const answer = await fetch(`http://${health}/readyz`).catch(() => undefined)
        const state = (await answer?.json()) as Ready | undefined
        if (saidBefore) {
          expect(state).toMatchObject({ ready: true })
          expect(Object.values(state!.parts).filter(({ ready }) => !ready)).toEqual([])
        } else if (state?.ready === false) before.push(state)
        return saidBefore
      }, 30_000)
      expect(before.length).toBeGreaterThan(0)
      for (const { parts } of before) {
        expect(parts.start?.detail).toMatch(/^(reading|opening|starting|bringing) .+ \.\.\.$/)
      }
      const asked = await eastwatch(folder, ['query', 'SELECT count() AS n FROM incidents', '--json'])
      expect(asked).toEqual({ code: 0, out: '{"n":0}\n', err: '' })
      // Nothing is drawn where the output is no terminal.
      expect(running.out()).not.toContain('\u001b')
    } finally {
      running.child.kill('SIGTERM')
      expect((await running.ended).code).toBe(0)
    }
  })

  it('a stop that is asked for meanwhile ends it with 0 and leaves nothing running', async () => {
    const folder = prepared(FREE_PORTS)
    const running = start(folder, ['up'])
    // Said before the tables of a new store are made.
    running.child.stderr!.on('data', (text) => {
      if (String(text).includes('detectors start')) running.child.kill('SIGINT')
    })
    const { code, out } = await running.ended
    expect([code, out]).toEqual([0, 'Stopped before it was up.\n'])
    expect(runningIn(folder)).toEqual([])
  })

  it('one Ctrl-C that comes twice, by terminal and npm, still drains', async () => {
    const folder = prepared(FREE_PORTS)
    const running = start(folder, ['up'])
    await until(() => running.out().includes('Ctrl-C'))
    running.child.kill('SIGINT')
    running.child.kill('SIGINT')
    const { code, out } = await running.ended
    expect(code).toBe(0)
    expect(out).toContain('Stopping. What was acknowledged is being stored.')
    expect(runningIn(folder)).toEqual([])
  })
})
