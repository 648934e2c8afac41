/** What a process has used so far, by /proc; 0 where there is none. */
import { readdirSync, readFileSync } from 'node:fs'

/** User and system time in seconds. */
export function cpuSeconds(pid: number): number {
  return secondsIn(read(`/proc/${pid}/stat`))
}

/** Fields 14 and 15, in ticks of 10 ms; the name before them may hold anything. */
function secondsIn(stat: string): number {
  const fields = stat.split(') ').at(-1)!.split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100
}

/** User and system time of each thread of a process, by thread id, in seconds. */
export function threadSeconds(pid: number): Map<string, number> {
  const threads = list(`/proc/${pid}/task`)
  return new Map(threads.map((thread) => [thread, secondsIn(read(`/proc/${pid}/task/${thread}/stat`))]))
}

/** Seconds that the main thread could have run but waited for a processor: on a busy machine the rates say little, this how little. */
export function waitedSeconds(pid: number): number {
  return Number(read(`/proc/${pid}/schedstat`).split(' ')[1] ?? 0) / 1e9
}

/** Memory that is no file's, in bytes. */
export function anonymousBytes(pid: number): number {
  return Number(/^RssAnon:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
