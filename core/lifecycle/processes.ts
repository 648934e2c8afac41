/** Whether a process of this machine still runs, told apart from a later one with the same id. */
import { readFileSync } from 'node:fs'

/** When the process started, in the kernel's own unit; '' where the system does not tell, or there is no such process. */
export function startOf(pid: number): string {
  return statOf(pid)?.started ?? ''
}

/** `started` as `startOf` gave it. A process that has ended and that nobody has waited for runs no more. */
export function isRunning(pid: number, started: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const stat = statOf(pid)
  if (stat === undefined) return started === ''
  return stat.started === started && stat.state !== 'Z' && stat.state !== 'X'
}

/** Fields 3 and 22 of /proc/<pid>/stat (proc(5)); the second may hold spaces and brackets. */
function statOf(pid: number): { state: string; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', started: fields[19] ?? '' }
  } catch {
    return undefined
  }
}
