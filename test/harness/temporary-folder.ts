import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeLeftOver } from '../../core/lifecycle/process-folder.ts'
import { MEMORY, SPOOL_PREFIX } from '../../storage/embedded/spool.ts'

/** Everything a run makes lies in one temporary folder, which goes with it: also what killed processes leave. */
export default function temporaryFolder(): () => void {
  const before = process.env.TMPDIR
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-test-'))
  process.env.TMPDIR = folder
  return () => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
    rmSync(folder, { recursive: true, force: true })
    removeLeftOver(MEMORY, SPOOL_PREFIX)
  }
}
