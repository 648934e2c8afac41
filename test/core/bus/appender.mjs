// Appends to `in` and copies `in` to `out` until it is killed. Prints a record's name once it is acknowledged.
// Run as: node appender.mjs <folder> <name of this run>
import { writeSync } from 'node:fs'
import { openLocalBus } from '../../../dist/core/bus/local/local-bus.js'

const [folder, run] = process.argv.slice(2)
const PUBLISHERS = 4
const bus = await openLocalBus({
  folder,
  topics: [
    { name: 'in', partitions: 2 },
    { name: 'out', partitions: 2 },
  ],
  config: { maxBytes: 2 ** 30, durability: 'process' },
  requiredGroups: [{ topic: 'out', group: 'check' }],
})

bus.process({
  topic: 'in',
  group: 'copy',
  signal: new AbortController().signal,
  maxBatchBytes: 60_000,
  async start({ partition, committed, state }) {
    let count = 0
    for await (const [, value] of state) count = Number(Buffer.from(value).toString())
    return {
      from: committed,
      step({ records }) {
        count += records.length
        return {
          next: records.at(-1).offset + 1,
          publish: records.map(({ value }) => ({
            topic: 'out',
            partition,
            value: value.subarray(0, value.indexOf(0)),
          })),
          state: [{ key: 'count', value: Buffer.from(String(count)) }],
        }
      },
    }
  },
})

for (let publisher = 0; publisher < PUBLISHERS; publisher += 1) {
  void (async () => {
    for (let i = 0; ; i += 1) {
      const name = `${run}/${publisher}/${i}`
      const value = Buffer.concat([Buffer.from(name), Buffer.alloc(1 + ((i * 7919) % 20_000))])
      await bus.publish([{ topic: 'in', partition: publisher % 2, value }])
      writeSync(1, `${name}\n`)
      if (i % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
}
