/** First in, first out per sender; senders take turns. So a sender with a long queue delays its own records only. */
export class FairQueue<T> {
  /** In the order of turns: whoever was served goes to the end. Empty queues are not held. */
  readonly #bySender = new Map<string, T[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  push(sender: string, item: T): void {
    const own = this.#bySender.get(sender)
    if (own === undefined) this.#bySender.set(sender, [item])
    else own.push(item)
    this.#size += 1
  }

  take(): T | undefined {
    for (const [sender, own] of this.#bySender) {
      const item = own.shift()
      this.#bySender.delete(sender)
      if (own.length > 0) this.#bySender.set(sender, own)
      this.#size -= 1
      return item
    }
    return undefined
  }
}
