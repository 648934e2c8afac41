/** Child processes of benchmarks: a role of its own process, so that its CPU and memory are its own. Parent asks, child answers. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export type Answers = Record<string, () => unknown>

export class Child<Ready> {
  readonly #process: ChildProcess
  /** What the child said when it was ready. */
  readonly ready: Ready

  private constructor(process: ChildProcess, ready: Ready) {
    this.#process = process
    this.ready = ready
  }

  /** `name`: a module of this folder, which calls `serve`. Benchmarks run compiled. */
  static async start<Ready>(
    name: string,
    args: readonly string[],
    execArgv: readonly string[] = [],
  ): Promise<Child<Ready>> {
    const child = fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)), args, {
      execArgv: [...process.execArgv, ...execArgv],
    })
    return new Child(child, await message<Ready>(child))
  }

  get pid(): number {
    return this.#process.pid!
  }

  /** One question at a time. */
  ask<T>(question: string): Promise<T> {
    this.#process.send(question)
    return message<T>(this.#process)
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, 'exit')
    this.#process.disconnect()
    await exited
  }
}

async function message<T>(child: ChildProcess): Promise<T> {
  const answered = new AbortController()
  const { signal } = answered
  const gone = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a benchmark's process ended with ${code}`)
  })
  try {
    const [value] = (await Promise.race([once(child, 'message', { signal }), gone])) as [T]
    return value
  } finally {
    gone.catch(() => {
      // Nobody waits for it any more.
    })
    answered.abort()
  }
}

/** The child's side. `stop` is called once the parent has gone or let go. */
export function serve(ready: unknown, answers: Answers, stop: () => Promise<void>): void {
  process.on('message', async (question: string) => {
    process.send!((await answers[question]!()) ?? null)
  })
  process.once('disconnect', () => {
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  process.send!(ready)
}
