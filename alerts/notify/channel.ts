/** What a channel sends, and the contract of a channel. One file per channel beside this one; all listed in registry.ts. */
import type { IncidentRecord } from '../../storage/incident-records.ts'
import type { Reason } from '../decide.ts'
import type { StormSummary } from '../storm.ts'

/** One message to one receiver. `id` is its key: the same for every attempt, restarts included. */
export type Notice = GroupNotice | SummaryNotice

/** What is new of one incident. */
export interface News {
  reason: Exclude<Reason, 'none'>
  record: IncidentRecord
}

/** Of incidents that are told together. */
export interface GroupNotice {
  type: 'group'
  id: string
  /** 32 hex digits, the same for all messages of the group to this receiver: what a receiver joins them by. */
  key: string
  /** By which its incidents were grouped: label to value. Text of telemetry. */
  labels: Readonly<Record<string, string>>
  /** Incidents of the group that are open after this message, those of earlier messages included. 0: all of it is over. */
  open: number
  /** The most severe first, at least one, at most MAX_NEWS. */
  news: readonly [News, ...News[]]
  /** Further incidents with news that found no room. */
  others: number
}
export const MAX_NEWS = 50

/** Stands for changes of many groups. */
export interface SummaryNotice {
  type: 'summary'
  id: string
  summary: StormSummary
}

export interface Channel {
  /**
   * Makes one attempt. `seconds`: time of the attempt, since the epoch. Resolves once the receiver has taken it. Rejects with a
   * PipelineError that says whether and when another attempt is worth it, and never holds a secret; never repeats by itself.
   */
  send(notice: Notice, seconds: number, signal: AbortSignal): Promise<void>
  /**
   * Of a receiver that forgets what it is not told again: how often an open incident must be, whatever the route says. It is a program that
   * groups and limits by itself: it is told of everything, and never by a summary.
   */
  readonly repeatSeconds?: number
  /** The receiver holds an incident open until it is told of its end, which a summary does not do. */
  readonly holdsOpen?: boolean
}

/** What a channel finds around it. */
export interface ChannelContext {
  /** Where people read on; undefined where the console's address is not known. */
  consoleUrl?: string | undefined
  /** Of this process. */
  dataFolder: string
  /** Eastwatch's. */
  version: string
}
