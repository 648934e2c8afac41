import type { Surroundings } from './command.ts'

/** One line that is drawn over and over on a terminal, and not at all elsewhere. */
export class Progress {
  readonly #write: ((text: string) => void) | undefined
  #shown = false

  constructor(write: ((text: string) => void) | undefined) {
    this.#write = write
  }

  show(line: string): void {
    if (this.#write === undefined) return
    this.#write(`\r\u001b[2K${line}`)
    this.#shown = true
  }

  clear(): void {
    if (this.#shown) this.#write?.('\r\u001b[2K')
    this.#shown = false
  }
}

/** A start that takes shorter needs no words. */
const QUIET_MS = 2000
const REDRAW_MS = 500

/** What a start is at and since when, drawn on a terminal once it takes long. */
export class StartProgress {
  readonly #progress: Progress
  readonly #timer: NodeJS.Timeout
  #phase = ''

  constructor({ terminal, out }: Pick<Surroundings, 'terminal' | 'out'>) {
    this.#progress = new Progress(terminal ? out : undefined)
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS)
  }

  enter(phase: string): void {
    this.#phase = phase
    this.#draw()
  }

  end(): void {
    clearInterval(this.#timer)
    this.#progress.clear()
  }

  #draw(): void {
    // Since the process began: reading its own code takes time too.
    const ms = performance.now()
    if (ms >= QUIET_MS && this.#phase !== '') {
      this.#progress.show(`Starting for ${Math.round(ms / 1000)} s: ${this.#phase} ...`)
    }
  }
}
