import type { Check } from '../../core/telemetry/health.ts'
import { counted } from '../../detectors/wording.ts'

/** The engine's process answers a ping at once, however busy its engine is. */
const PING_MS = 5_000

/** `pid` undefined: it is being started again. A process that is there may hang all the same. */
export async function checkEngine(url: string, pid: number | undefined, restarts: number): Promise<Check> {
  if (pid === undefined) return { ready: false, detail: 'it is starting again' }
  try {
    await (await fetch(`${url}/ping`, { signal: AbortSignal.timeout(PING_MS) })).text()
    return { ready: true, detail: `answers; started again ${counted(restarts, 'time', 'times')}` }
  } catch {
    return { ready: false, detail: `does not answer within ${PING_MS / 1000} s` }
  }
}
