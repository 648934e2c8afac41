/** What the supervisor and the child say to each other over the channel between them. */
import type { ErrorCode } from '../../core/errors.ts'
import type { QueryLimits } from './engine.ts'

/** First message to the child. */
export interface StartMessage {
  type: 'start'
  /** The data folder; the store is in `clickhouse` under it. */
  folder: string
  /** On loopback; 0 takes a free one. */
  port: number
  writerPassword: string
  readerPassword: string
  limits: QueryLimits
  readsAtOnce: number
}

/** To the child: finish what runs, then exit. */
export interface StopMessage {
  type: 'stop'
}

export type ChildMessage =
  | { type: 'ready'; port: number }
  | { type: 'failed'; code: ErrorCode; message: string; retriable: boolean }
  /** A read that cannot be stopped; the child ends. */
  | { type: 'overdue'; sql: string }
