/** What became of attempts to tell: as records for the store, a metric and log lines. */
import type { Logger } from '../core/logger.ts'
import type { NotificationRecord } from '../storage/incident-records.ts'
import { countNotification } from './metrics.ts'
import type { Notice } from './notify/channel.ts'

/** Held for the next step; beyond it the oldest are dropped (only while the input stands still). */
const MAX_UNWRITTEN = 10_000

export interface Outcome {
  receiver: string
  notice: Notice
  attempt: number
  status: NotificationRecord['status']
  at: number
  detail: string
}

export class Attempts {
  readonly #logger: Logger
  #unwritten: NotificationRecord[] = []

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** One record for each incident that the message told of. */
  note({ receiver, notice, attempt, status, at, detail }: Outcome): void {
    const common = { type: 'notification', receiver, status, attempt, at, detail } as const
    if (notice.type === 'summary') {
      const id = `${notice.id}/${receiver}/${attempt}`
      this.#unwritten.push({ ...common, id, incidentId: '', incidentVersion: 0, reason: 'summary' })
    } else {
      for (const { reason, record } of notice.news) {
        const id = `${notice.id}/${receiver}/${attempt}${notice.news.length === 1 ? '' : `/${record.id}`}`
        this.#unwritten.push({ ...common, id, incidentId: record.id, incidentVersion: record.version, reason })
      }
    }
    this.#unwritten.splice(0, this.#unwritten.length - MAX_UNWRITTEN)
    countNotification(receiver, status)
    const facts = { receiver, message: notice.id, attempt, detail }
    if (status === 'dead') this.#logger.error(facts, 'notification is a dead letter: the receiver never took it')
    if (status === 'failed') this.#logger.warn(facts, 'notification failed and will be tried again')
  }

  /** Those since the last call. */
  take(): NotificationRecord[] {
    const records = this.#unwritten
    this.#unwritten = []
    return records
  }
}
