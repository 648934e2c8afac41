/** The demo's ways out that need no whole story. */
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, expect, it } from 'vitest'
import { eastwatch, folderWith, runningIn, start, until } from './command.ts'

const folder = folderWith('')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const GRPC = 4317

it('a port in use is named with what helps in a demo, and it ends', async (context) => {
  const other = createServer()
  // Where another program has it, so much the better.
  await new Promise<void>((resolve) => other.once('error', () => resolve()).listen(GRPC, '127.0.0.1', resolve))
  try {
    const { code, err, out } = await eastwatch(folder, ['demo'])
    if (!err.includes(String(GRPC))) return context.skip(`another port of the defaults is in use here: ${err}`)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(
      /^eastwatch demo: .*port 4317 is in use; stop the other program, or add --once, which takes free ports\n$/,
    )
    expect(runningIn(folder)).toEqual([])
  } finally {
    other.close()
  }
})

it('a stop in the middle is told, ends with 1 and leaves nothing', async () => {
  const running = start(folder, ['demo', '--once'])
  await until(() => running.out().includes('A shop of'), 30_000)
  running.child.kill('SIGINT')
  const { code, err } = await running.ended
  expect(code).toBe(1)
  expect(err).toContain('eastwatch demo: stopped before it was done\n')
  expect(err).not.toMatch(/^ +at /m)
  expect(runningIn(folder)).toEqual([])
})
