/** What the collector's thread and the thread that holds the bus tell each other. */
import type { Publication } from '../../core/bus/bus.ts'
import type { Check } from '../../core/telemetry/health.ts'
import type { PolicySource } from '../../policy/read.ts'
import type { CollectorConfig } from '../config.ts'
import type { KafkaSourceInput } from '../kafka/config.ts'
import type { LearnedName } from '../naming/learned-name.ts'
import type { WireError } from './wire-error.ts'

/** The thread's workerData. */
export interface ThreadInput {
  config: CollectorConfig
  /** What is read from Kafka; undefined for nothing. */
  kafka: KafkaSourceInput | undefined
  dataFolder: string
  policy: PolicySource
  /** Partitions of the topics that the collector writes. */
  partitions: Record<string, number>
  /** What was learned before. */
  names: readonly LearnedName[]
  /** Whether other collectors learn names too. */
  hasOthers: boolean
  ticking: boolean
  logLevel: string
  counts: SharedArrayBuffer
  /** Time as somebody else tells it (core/clock.ts); undefined for the system's. */
  clock: SharedArrayBuffer | undefined
}

export type ToThread =
  /** The bus has it, and `memory` comes back; or `error` says why not. */
  | { type: 'published'; request: number; error: WireError | undefined; memory: ArrayBuffer | undefined }
  | { type: 'tick'; request: number }
  /** Names that other collectors have made durable. */
  | { type: 'know'; names: readonly LearnedName[] }
  /** What was durable when `upToNow` was asked has come before this; or `error` says why not. */
  | { type: 'known'; request: number; error: WireError | undefined }
  | { type: 'reloadPolicy'; request: number }
  | { type: 'stop' }

export type FromThread =
  | { type: 'started'; ports: { grpc: number; http: number }; id: string }
  /** It could not start, or not stop cleanly, and ends. */
  | { type: 'failed'; error: WireError }
  /** The records lie in `memory`, which comes with them. */
  | { type: 'publish'; request: number; records: readonly Publication[]; memory: ArrayBuffer }
  /** What other collectors have made durable by now is to be known. */
  | { type: 'upToNow'; request: number }
  /** A `tick` or a `reloadPolicy` is done. */
  | { type: 'done'; request: number; error: WireError | undefined }
  /** Why the log did not take the last tick; undefined where it did. Sent when it changes. */
  | { type: 'tickFailure'; reason: string | undefined }
  /** How reading from Kafka does. Sent when it changes. */
  | { type: 'kafkaState'; state: Check }
  | { type: 'stopped' }
