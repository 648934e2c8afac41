import { spawn, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { isRunning, startOf } from '../../../core/lifecycle/processes.ts'

describe.skipIf(process.platform !== 'linux')('a process of this machine', () => {
  it('runs, with the start it had', () => {
    expect(startOf(process.pid)).toMatch(/^\d+$/)
    expect(isRunning(process.pid, startOf(process.pid))).toBe(true)
  })

  it('is not a later one with the same id', () => {
    expect(isRunning(process.pid, '1')).toBe(false)
    expect(isRunning(process.pid, '')).toBe(false)
  })

  it('that ended does not run', () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    expect(startOf(pid)).toBe('')
    expect(isRunning(pid, '')).toBe(false)
    expect(isRunning(pid, '123')).toBe(false)
  })

  it('that ended and that nobody waits for does not run', async () => {
    // The shell becomes `sleep`, which never waits for the shell's child.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)))
      const started = startOf(pid)
      expect(isRunning(pid, started)).toBe(true)
      await expect.poll(() => isRunning(pid, started), { timeout: 5_000 }).toBe(false)
      expect(startOf(pid)).toBe(started)
    } finally {
      parent.kill('SIGKILL')
    }
  })
})
