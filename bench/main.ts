/**
 * `npm run bench [name ...]`: every benchmark, or those named. Ratios are measured side by side in one run; figures of different
 * machines are not comparable, so the machine is named first.
 */
import { cpus, totalmem } from 'node:os'
import { table } from '../cli/table.ts'
import { BENCHMARKS } from './registry.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !(name in BENCHMARKS))
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are ${Object.keys(BENCHMARKS).join(', ')}`)
  process.exit(2)
}
const processors = cpus()
console.log(
  `${processors.length} x ${processors[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${process.platform}\n`,
)
for (const [name, run] of Object.entries(BENCHMARKS)) {
  if (names.length > 0 && !names.includes(name)) continue
  const rows = await run()
  console.log(
    `${name}\n${table(
      ['measured', 'figure'],
      rows.map(({ measured, figure }) => [measured, figure]),
    )}`,
  )
}
