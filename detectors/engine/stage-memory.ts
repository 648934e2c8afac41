/** What both stages keep and do alike: what detectors remember, what was told, when state is flushed, how findings go out. */
import { pack, unpack } from 'msgpackr'
import type { Publication, StateWrite } from '../../core/bus/bus.ts'
import { MINUTE } from '../../core/clock.ts'
import type { DetectorsConfig } from '../config.ts'
import type { Finding } from '../detector.ts'
import { type PairWindow, WINDOW_US } from '../window.ts'
import type { StageCounts } from './counts.ts'
import { judge, type NamedDetector } from './judge.ts'
import { findingRecords, tickRecords } from './outputs.ts'
import { KeyedState } from './state.ts'
import { type Told, Troubles } from './troubles.ts'
import type { Unreadable } from './unreadable.ts'

export interface StageOptions {
  /** Of the input topic. */
  partition: number
  config: DetectorsConfig
  detectors: readonly NamedDetector[]
  counts: StageCounts
}

/** State of a stage under the key `meta`, beside what is its own. */
interface Meta<Own> {
  flushed: number
  keep: number
  /** Windows up to it are judged. */
  through: number
  watchedSince: number
  seq: number
  told: Told[]
  own: Own
}

export class StageMemory<Own> {
  readonly state: KeyedState
  readonly troubles = new Troubles()
  /** Offsets of the state that was loaded. */
  position: { flushed: number; keep: number } | undefined
  /** Windows that end at or before it are judged. */
  through = Number.NEGATIVE_INFINITY
  /** Start of the first window this log was watched; 0 before there is one. */
  watchedSince = 0
  readonly #stage: 'stage1' | 'stage2'
  readonly #topic: string
  readonly #options: StageOptions
  readonly #findingsPartitions: number
  #seq = 0
  #flushedMinute = Number.NEGATIVE_INFINITY
  #keep = 0

  constructor(stage: 'stage1' | 'stage2', topic: string, findingsPartitions: number, options: StageOptions) {
    this.#stage = stage
    this.#topic = topic
    this.#options = options
    this.#findingsPartitions = findingsPartitions
    const { maxPairsPerDestination, maxPairsPerPartition } = options.config
    this.state = new KeyedState({ pairsPerOwner: maxPairsPerDestination * 2, pairs: maxPairsPerPartition })
  }

  /** Takes back one committed value; gives the stage's own part where it holds one. */
  load(key: string, value: Uint8Array): Own | undefined {
    if (this.state.load(key, value) || key !== 'meta') return undefined
    const { flushed, keep, through, watchedSince, seq, told, own } = unpack(value) as Meta<Own>
    this.position = { flushed, keep }
    this.through = through
    this.watchedSince = watchedSince
    this.troubles.restore(told)
    this.#seq = seq
    this.#keep = keep
    this.#flushedMinute = Math.floor(through / MINUTE)
    return own
  }

  /** `windows` in order of trust and key, all of one owner and one end. */
  judge(owner: string, start: number, windows: readonly PairWindow[], late = false): Finding[] {
    const occasion = { owner, start, end: start + WINDOW_US, watchedSince: this.watchedSince, late }
    return judge(this.#options.detectors, this.state, occasion, windows)
  }

  /** Windows up to `through` are judged. Once a minute of log time, so that nothing hangs on commits, memory is trimmed. */
  judged(through: number): Finding[] {
    const minute = Math.floor(through / MINUTE) > Math.floor(this.through / MINUTE)
    this.through = through
    if (!minute) return []
    const forgotten = this.state.trim()
    this.#options.counts.evicted += forgotten
    const subject = `partition ${this.#options.partition} of stage ${this.#stage.at(-1)}`
    return forgotten === 0 ? [] : this.troubles.tell('pairs_forgotten', subject, through)
  }

  /** A record that cannot be read is counted, and told of once in a while. `time` is the watermark. */
  unreadable({ kind, reason }: Unreadable, offset: number, time: number): Publication[] | undefined {
    this.#options.counts.unreadable += 1
    const subject = `partition ${this.#options.partition} of ${this.#topic}`
    return this.findings(this.troubles.tell(kind, subject, time, `offset ${offset}: ${reason}`))
  }

  /** Undefined where there is nothing to publish. */
  findings(findings: readonly Finding[]): Publication[] | undefined {
    if (findings.length === 0) return undefined
    this.#options.counts.findings += findings.length
    return findingRecords(findings, this.#findingsPartitions)
  }

  ticks(time: number, targets: readonly { topic: string; partitions: number }[]): Publication[] {
    this.#seq += 1
    return tickRecords({ producer: `${this.#stage}/${this.#options.partition}`, seq: this.#seq, time }, targets)
  }

  /** State is due with the first commit of a new minute of log time. `keep` is the first record of what is open. */
  checkpoint(
    next: number,
    make: () => { keep: number; own: Own; more?: StateWrite[] },
  ): { keep: number; state: StateWrite[] } {
    const minute = Math.floor(this.through / MINUTE)
    if (minute === this.#flushedMinute) return { keep: this.#keep, state: [] }
    this.#flushedMinute = minute
    const { keep, own, more = [] } = make()
    this.#keep = keep
    const meta: Meta<Own> = {
      flushed: next,
      keep,
      through: this.through,
      watchedSince: this.watchedSince,
      seq: this.#seq,
      told: this.troubles.snapshot(this.through),
      own,
    }
    return { keep, state: [...this.state.flush(), ...more, { key: 'meta', value: pack(meta) }] }
  }
}
