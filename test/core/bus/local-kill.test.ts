import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openLocalBus } from '../../../core/bus/local/local-bus.ts'
import { nextOf, plain, take, text } from './drive.ts'

const KILLS = 25

/** Lets the appender run for a while, kills it, and gives back what it said was acknowledged. */
async function killed(folder: string, run: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'appender.mjs'), folder, `${run}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  child.stderr.on('data', (data) => {
    errors += data
  })
  child.stdout.on('data', (data) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), Math.random() ** 2 * 1500)
    output += data
  })
  const [, signal] = (await once(child, 'close')) as [number, string]
  expect(`${signal} ${errors}`).toBe('SIGKILL ')
  return output.split('\n').slice(0, -1)
}

it(`after ${KILLS} kills at any moment every acknowledged record is there once, in order, and copied once`, {
  timeout: 180_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-kill-'))
  const acknowledged: string[] = []
  for (let run = 0; run < KILLS; run += 1) acknowledged.push(...(await killed(folder, run)))

  const topics = ['in', 'out'].map((name) => ({ name, partitions: 2 }))
  const bus = await openLocalBus({ folder, topics, config: { maxBytes: 2 ** 30, durability: 'process' } })
  const behind = async () =>
    (await bus.lag())
      .filter(({ topic }) => topic === 'in')
      .reduce((sum, { end, committed }) => sum + end - committed, 0)
  let left = await behind()
  const total = (await bus.lag()).filter(({ topic }) => topic === 'in').reduce((sum, { end }) => sum + end, 0)
  const stop = new AbortController()
  if (left === 0) stop.abort()
  await bus.process({
    topic: 'in',
    group: 'copy',
    signal: stop.signal,
    start: (assignment) =>
      plain(assignment, (batch) => {
        left -= batch.records.length
        if (left === 0) stop.abort()
        const publish = batch.records.map(({ value }) => ({
          topic: 'out',
          partition: batch.partition,
          value: value.subarray(0, value.indexOf(0)),
        }))
        return { next: nextOf(batch), publish }
      }),
  })
  const copied = await take(bus, 'out', 'check', total)
  await bus.close()
  rmSync(folder, { recursive: true })

  const names = [...copied.values()].flat().map(({ value }) => text(value))
  const counts = new Map<string, number>()
  for (const name of names) {
    const publisher = name.slice(0, name.lastIndexOf('/'))
    const count = counts.get(publisher) ?? 0
    expect(name).toBe(`${publisher}/${count}`)
    counts.set(publisher, count + 1)
  }
  const present = new Set(names)
  expect(names).toHaveLength(total)
  expect(acknowledged.filter((name) => !present.has(name))).toEqual([])
  expect(acknowledged.length).toBeGreaterThan(KILLS * 4)
  // At most one record of each publisher in each run was under way without having been acknowledged.
  expect(total - acknowledged.length).toBeLessThanOrEqual(KILLS * 4)
})
