/** What a process has used so far, by /proc; 0 where there is none. */
import { readFileSync } from 'node:fs'

/** User and system time in seconds. */
export function cpuSeconds(pid: number): number {
  // Fields 14 and 15, in ticks of 10 ms; the name before them may hold anything.
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)!.split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100
}

/** Seconds that the main thread could have run but waited for a processor: on a busy machine the rates say little, this how little. */
export function waitedSeconds(pid: number): number {
  return Number(read(`/proc/${pid}/schedstat`).split(' ')[1] ?? 0) / 1e9
}

/** Memory that is no file's, in bytes. */
export function anonymousBytes(pid: number): number {
  return Number(/^RssAnon:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
