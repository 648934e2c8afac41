/**
 * The bus contract. Two implementations (`local/` on LMDB, `kafka/`), one contract test suite (test/core/bus/contract.ts).
 *
 * A topic is a fixed number of partitions, each an ordered log of opaque records with rising offsets (gaps allowed).
 * `publish` resolves when durable. `process` reads, and commits what a step returns (records to publish, state, next offset)
 * as one unit: after a crash either all of it happened or nothing.
 */

/** Longest record; a longer one is refused with `too_large`. Blocks are at most 16 MiB (core/block.ts). */
export const MAX_RECORD_BYTES = 32 * 1024 * 1024

export interface TopicSpec {
  name: string
  partitions: number
}

/** A group that must keep up with a topic, or new records are refused. */
export interface RequiredGroup {
  topic: string
  group: string
}

/** One record to append. */
export interface Publication {
  topic: string
  partition: number
  value: Uint8Array
}

export interface BusRecord {
  offset: number
  value: Uint8Array
}

/** Records of one partition, in order. `value` bytes are valid only until the step resolves. Never empty. */
export interface Batch {
  topic: string
  partition: number
  records: readonly BusRecord[]
}

export interface StateWrite {
  key: string
  /** null deletes the key. */
  value: Uint8Array | null
}

/**
 * What one step commits as one unit. Results of several steps may be committed together, and are then one unit: bytes that it holds
 * must not change after it was returned.
 */
export interface StepResult {
  /** First offset not yet handled. Nothing before it is delivered again as new. */
  next: number
  /**
   * First offset this group still has to read after a restart to rebuild its memory; at most `next`, its default.
   * The log is never trimmed past it.
   */
  keep?: number
  publish?: readonly Publication[]
  state?: readonly StateWrite[]
}

/** What a partition's processor starts from. State is that of (group, topic, partition). */
export interface Assignment {
  topic: string
  partition: number
  /** Which log offsets are of, as letters and digits: another where the log was made anew, or where several share what is outside of it. */
  logId: string
  /** The committed `next`: outputs of everything before it are out already, and must not be published again. */
  committed: number
  /** Committed state, ordered by key. */
  state: AsyncIterable<readonly [key: string, value: Uint8Array]> | Iterable<readonly [key: string, value: Uint8Array]>
}

export interface PartitionProcessor {
  /**
   * First offset to read: `committed`, or the `keep` committed with it, where the tail is replayed to rebuild memory.
   * Records before `committed` come again only so; a step that returns a result for them is a bug and throws.
   */
  readonly from: number
  /**
   * Handles one batch. Batches come one at a time, of any size; results must not depend on where they are cut.
   * Returning undefined commits nothing yet: the processor holds the records in memory and they are read again after a crash.
   * A retriable PipelineError is tried again with back-off with the same batch (the step must not have changed its memory);
   * any other error stops `process`.
   */
  step(batch: Batch, signal: AbortSignal): StepResult | undefined | Promise<StepResult | undefined>
  /** The partition is taken away or the program stops. */
  stop?(): void | Promise<void>
}

export interface ProcessOptions {
  topic: string
  /** Consumer group: the owner of offsets and state. Groups are independent. */
  group: string
  /** Called once a partition; again, with back-off, after a retriable PipelineError. Any other error stops `process`. */
  start(assignment: Assignment): PartitionProcessor | Promise<PartitionProcessor>
  /**
   * Told which partitions are this process's share, each time that changes, before `start` is called for those that are new. A share
   * may be empty where there are more processes than partitions; the embedded log has one process, which is told of all of them once.
   */
  onAssigned?(partitions: readonly number[]): void
  signal: AbortSignal
  /** Largest batch in bytes of values (one record at least is always given). Default 1 MiB. */
  maxBatchBytes?: number
}

export interface FollowOptions {
  topic: string
  /** Records appended since then are given, epoch milliseconds of the bus's own clock; about, earlier ones may come too. */
  since: number
  /** In order within a partition; a record may come again. `value` bytes are valid only until it returns. */
  onRecords(records: readonly BusRecord[]): void
  signal: AbortSignal
}

export interface Following {
  /** All that was there when it began has been given. Rejects where the signal aborts before. */
  caughtUp: Promise<void>
  /** Until the signal aborts (resolves). What passes is tried again; rejects when it fails for good. */
  running: Promise<void>
  /** Resolves once all that was durable when it was called has been given. Rejects (retriable) where that takes seconds. */
  upToNow(): Promise<void>
}

export interface GroupLag {
  topic: string
  partition: number
  group: string
  /** The committed `next`. */
  committed: number
  /** Offset the next appended record will have. */
  end: number
}

export interface Bus {
  /** Partition count of a topic, fixed when the topic was made. Throws for an unknown topic. */
  partitions(topic: string): number
  /**
   * Appends all records and resolves when they are durable. All or nothing where the implementation can (local); else a
   * repeat of the whole is made harmless by delivery ids. Rejects with `bus_full` or `bus_unavailable`, both retriable.
   * Bytes of values must not change before it resolves, nor where it rejects: they may still be read then. Nothing reads them after it resolved.
   */
  publish(records: readonly Publication[]): Promise<void>
  /** Runs until the signal aborts (resolves) or a step fails for good (rejects). */
  process(options: ProcessOptions): Promise<void>
  /**
   * Reads a topic beside all groups, one that `publish` alone writes: every follower gets every record, and commits nothing. Absent where
   * one process has the log to itself, and so knows what others could tell it.
   */
  follow?(options: FollowOptions): Following
  /** How far each group is, for readiness, back-pressure and self-telemetry. */
  lag(): Promise<GroupLag[]>
  /** Bytes each topic takes on this machine's disk, about; absent where the log is elsewhere. */
  bytesUsed?(): Map<string, number>
  close(): Promise<void>
}
