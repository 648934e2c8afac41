/** Where a running store answers: a small file in the data folder, for commands that find it from outside. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const FILE = 'endpoint.json'
const Endpoint = z.object({ pid: z.number().int().positive(), port: z.number().int().min(1).max(65_535) })
export type Endpoint = z.output<typeof Endpoint>

export function writeEndpoint(folder: string, endpoint: Endpoint): void {
  writeFileSync(join(folder, FILE), `${JSON.stringify(endpoint)}\n`, { mode: 0o600 })
}

export function removeEndpoint(folder: string): void {
  rmSync(join(folder, FILE), { force: true })
}

/** True where the process that last answered on this folder has not ended. */
export function mayBeRunning(folder: string): boolean {
  try {
    process.kill(read(folder).pid, 0)
    return true
  } catch {
    return false
  }
}

/** The store that answers on this folder now; undefined where none does, whatever a killed one left in the file. */
export async function findEndpoint(folder: string): Promise<Endpoint | undefined> {
  try {
    const endpoint = read(folder)
    process.kill(endpoint.pid, 0)
    const answer = await fetch(`http://127.0.0.1:${endpoint.port}/ping`, { signal: AbortSignal.timeout(2_000) })
    return answer.ok && (await answer.text()) === 'Ok.\n' ? endpoint : undefined
  } catch {
    return undefined
  }
}

function read(folder: string): Endpoint {
  return Endpoint.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')))
}
