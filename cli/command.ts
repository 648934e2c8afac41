/** What every command is: a name, a line of help, and a file with a function `run` that returns the exit code. */

/** 0 fine, 1 found something wrong, 2 wrong use. */
export type ExitCode = 0 | 1 | 2

export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>
  out(text: string): void
  err(text: string): void
  /** Aborts on SIGTERM and SIGINT. */
  signal: AbortSignal
  /** Has `reload` called on each SIGHUP from now on. */
  onHangUp(reload: () => void): void
  /** True where the output is a terminal, so that progress may be drawn. */
  terminal: boolean
}

export type Run = (args: string[], around: Surroundings) => Promise<ExitCode>

export interface Command {
  name: string
  /** `eastwatch <name> <usage>` */
  usage: string
  summary: string
  /** What stands in the usage, and what it means. */
  options: readonly (readonly [name: string, meaning: string])[]
  /** Its code, read only when the command is run: the start of each then costs no more than itself. */
  load(): Promise<{ run: Run }>
}

/** Thrown for wrong use: the message and the command's usage are shown, exit code 2. */
export class UsageError extends Error {}
