import { pino } from 'pino'
import { expect, it } from 'vitest'
import { KEPT_MINUTES } from '../../../collector/naming/directory.ts'
import { followNames } from '../../../collector/naming/follow.ts'
import { encodeNames, type LearnedName } from '../../../collector/naming/learned-name.ts'
import type { FollowOptions } from '../../../core/bus/bus.ts'
import { TOPIC } from '../../../core/bus/topics.ts'
import { gate } from '../../core/bus/drive.ts'

const MINUTE = 29_921_600
const MINUTE_MS = 60_000
const name = (address: string, identity = 'cluster.local/ns/shop/sa/web', seen = MINUTE): LearnedName => ({
  address,
  identity,
  seen,
  disputed: 0,
})

function following() {
  const caughtUp = gate()
  const warnings: object[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => void warnings.push(JSON.parse(line)) })
  let options: FollowOptions | undefined
  const follow = (given: FollowOptions) => {
    options = given
    return { caughtUp: caughtUp.opened, running: Promise.resolve(), upToNow: () => caughtUp.opened }
  }
  const names = followNames({ follow, logger }, new AbortController().signal)
  const come = (...values: Uint8Array[]) => options!.onRecords(values.map((value, offset) => ({ offset, value })))
  return { names, come, options: options!, caughtUp: () => caughtUp.open(), warnings }
}

it('begins with what can still be asked for, each address once', async () => {
  const { names, come, options, caughtUp } = following()
  expect(options.topic).toBe(TOPIC.names)
  expect(Date.now() - options.since).toBeGreaterThanOrEqual(KEPT_MINUTES * MINUTE_MS)
  come(encodeNames([name('10.0.0.1'), name('10.0.0.2')]))
  come(encodeNames([name('10.0.0.1', 'cluster.local/ns/shop/sa/other', MINUTE + 1)]))
  caughtUp()
  expect(await names.before).toEqual([
    name('10.0.0.2'),
    { ...name('10.0.0.1', 'cluster.local/ns/shop/sa/other', MINUTE + 1), disputed: MINUTE },
  ])
})

it('passes on what comes afterwards, also what came before somebody listened', async () => {
  const { names, come, caughtUp } = following()
  caughtUp()
  expect(await names.before).toEqual([])
  come(encodeNames([name('10.0.0.1')]))
  const passed: string[] = []
  names.pass((more) => passed.push(...more.map(({ address }) => address)))
  expect(passed).toEqual(['10.0.0.1'])
  come(encodeNames([name('10.0.0.2')]), encodeNames([name('10.0.0.3')]))
  expect(passed).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3'])
})

it('leaves out what cannot be read, and says so', async () => {
  const { names, come, caughtUp, warnings } = following()
  come(Buffer.from('garbage'), encodeNames([name('10.0.0.1')]))
  caughtUp()
  expect(await names.before).toEqual([name('10.0.0.1')])
  expect(warnings).toEqual([expect.objectContaining({ offset: 0, msg: expect.stringContaining('left out') })])
})
