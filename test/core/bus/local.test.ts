import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TopicSpec } from '../../../core/bus/bus.ts'
import { type LocalBus, openLocalBus } from '../../../core/bus/local/local-bus.ts'
import { type BusUnderTest, describeBusContract } from './contract.ts'

/** A crash now: what the page cache holds now is all that a next process will see. */
async function makeLocalBus(topics: TopicSpec[]): Promise<BusUnderTest> {
  const base = mkdtempSync(join(tmpdir(), 'eastwatch-bus-'))
  const config = { maxBytes: 2 ** 30, durability: 'process' } as const
  const opened: LocalBus[] = []
  const open = async () => {
    const bus = await openLocalBus({ folder: join(base, `${opened.length}`), topics, config })
    opened.push(bus)
    return bus
  }
  const bus = await open()
  return {
    bus,
    reopen() {
      mkdirSync(join(base, `${opened.length}`))
      copyFileSync(join(base, `${opened.length - 1}`, 'data.mdb'), join(base, `${opened.length}`, 'data.mdb'))
      return open()
    },
    async close() {
      for (const one of opened) await one.close()
      rmSync(base, { recursive: true })
    },
  }
}

describeBusContract('local log', makeLocalBus)
