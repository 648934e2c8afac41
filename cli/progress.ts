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
