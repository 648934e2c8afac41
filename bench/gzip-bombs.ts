/** Memory that small bodies which become large can take of a collector: as many at once as one connection may send. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Child } from './child.ts'
import { LoadSender } from './load-sender.ts'
import type { Row } from './row.ts'
import { anonymousBytes } from './usage.ts'

const BOMBS = 64
/** Just within the collector's limit, each by itself. */
const INFLATED_BYTES = 60 * 1024 * 1024
const SAMPLE_MS = 20

export async function benchGzipBombs(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  const collector = await Child.start<{ port: number }>('collector-process', [folder])
  const before = anonymousBytes(collector.pid)
  let most = 0
  const sampler = setInterval(() => {
    most = Math.max(most, anonymousBytes(collector.pid))
  }, SAMPLE_MS)
  const sender = new LoadSender(`127.0.0.1:${collector.ready.port}`)
  try {
    const bomb = gzipSync(Buffer.alloc(INFLATED_BYTES))
    const answers = await Promise.allSettled(Array.from({ length: BOMBS }, () => sender.sendGzip(bomb)))
    const refusals = answers.flatMap((answer) => (answer.status === 'rejected' ? [String(answer.reason.message)] : []))
    return [
      {
        measured: 'bodies at once, each before and after decompression',
        figure: `${BOMBS}, ${Math.round(bomb.length / 1024)} KiB and ${INFLATED_BYTES / 2 ** 20} MiB`,
      },
      { measured: 'answers', figure: [...new Set(refusals)].sort().join('; ') },
      {
        measured: 'anonymous memory of the collector, before and most',
        figure: `${Math.round(before / 2 ** 20)} and ${Math.round(most / 2 ** 20)} MiB`,
      },
    ]
  } finally {
    clearInterval(sampler)
    sender.close()
    await collector.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
