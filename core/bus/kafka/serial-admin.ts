/**
 * kafkajs's admin client, asked one thing at a time. It keeps one picture of the cluster for all questions, of the topics asked for so far:
 * an earlier question that has to be asked again puts its own picture in place, and the topic of a later one is then not there.
 */
import type { Admin } from 'kafkajs'
import { fromKafka } from './errors.ts'

export class SerialAdmin {
  readonly #admin: Admin
  #last: Promise<unknown> = Promise.resolve()

  constructor(admin: Admin) {
    this.#admin = admin
  }

  /** Rejects with what `work` does, in the words of the bus. */
  ask<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const answer = this.#last.then(async () => {
      try {
        return await work(this.#admin)
      } catch (error) {
        throw fromKafka(error)
      }
    })
    this.#last = answer.catch(() => {
      // Told to whoever asked.
    })
    return answer
  }

  connect(): Promise<void> {
    return this.#admin.connect()
  }

  disconnect(): Promise<void> {
    return this.#admin.disconnect()
  }
}
