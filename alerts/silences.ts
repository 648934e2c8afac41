/**
 * Silences in force: what they mute of the incidents of one partition. Their times are compared with the log's, so the same log mutes the same.
 *
 * Memory: at most MAX_SILENCES, each of at most MAX_MATCHERS matchers of bounded size; one more is refused.
 */

import type { EndSilenceAction, SilenceAction } from '../core/action.ts'
import type { StateWrite } from '../core/bus/bus.ts'
import { DAY } from '../core/clock.ts'
import { PipelineError } from '../core/errors.ts'
import { INTRUSIONS } from '../detectors/tls-finding.ts'
import type { IncidentRecord, SilenceRecord } from '../storage/incident-records.ts'
import { clip } from './clip.ts'
import { type Labels, labelsOf } from './labels.ts'
import { allMatch, MAX_MATCHERS, type Matcher, parseMatcher } from './matcher.ts'

export const MAX_SILENCES = 256
export const MAX_SILENCE_US = 7 * DAY
export const MAX_REASON = 500
const MAX_NAMESPACES = 64
const PREFIX = 'silence/'

interface Silence {
  record: SilenceRecord
  matchers: readonly Matcher[]
}

export class Silences {
  readonly #silences = new Map<string, Silence>()
  readonly #dirty = new Set<string>()

  /** Takes up a key of the state where it is of a silence. */
  restore(key: string, value: Uint8Array): boolean {
    if (!key.startsWith(PREFIX)) return false
    const record = JSON.parse(Buffer.from(value).toString()) as SilenceRecord
    this.#silences.set(record.id, { record, matchers: record.matchers.map(parseMatcher) })
    return true
  }

  /** Throws a PipelineError with what is wrong with it. */
  add({ id, at, actor, reason, matchers, startsAt, endsAt }: SilenceAction): SilenceRecord {
    if (this.#silences.size >= MAX_SILENCES) {
      throw new PipelineError('config', `there are ${MAX_SILENCES} silences already: end one first`)
    }
    if (matchers.length === 0 || matchers.length > MAX_MATCHERS) {
      throw new PipelineError('config', `a silence has 1 to ${MAX_MATCHERS} matchers`)
    }
    if (!(endsAt > at && endsAt > startsAt && endsAt - Math.max(at, startsAt) <= MAX_SILENCE_US)) {
      throw new PipelineError('config', 'a silence ends after it starts, and within 7 days')
    }
    const record: SilenceRecord = {
      type: 'silence',
      id,
      version: 1,
      matchers,
      startsAt: Math.max(at, startsAt),
      endsAt,
      createdAt: at,
      createdBy: actor.name,
      reason: clip(reason, MAX_REASON),
      namespaces: actor.namespaces.slice(0, MAX_NAMESPACES),
      byAdmin: actor.role === 'admin',
      endedBy: '',
    }
    this.#silences.set(id, { record, matchers: matchers.map(parseMatcher) })
    this.#dirty.add(id)
    return record
  }

  /** Ends it at once; undefined where none of this id is in force. */
  end({ silenceId, at, actor }: EndSilenceAction): SilenceRecord | undefined {
    const silence = this.#silences.get(silenceId)
    if (silence === undefined) return undefined
    this.#forget(silenceId)
    return { ...silence.record, version: silence.record.version + 1, endsAt: at, endedBy: actor.name }
  }

  /** Drops those that have ended. True where any began or ended in the time since `before`. */
  advance(before: number, time: number): boolean {
    let turned = false
    for (const [id, { record }] of this.#silences) {
      if (!hasBegun(record, before) && hasBegun(record, time)) turned = true
      if (record.endsAt > time) continue
      turned = true
      this.#forget(id)
    }
    return turned
  }

  /** The silence that mutes this incident longest at that time. */
  muting(incident: IncidentRecord, time: number): SilenceRecord | undefined {
    if (this.#silences.size === 0) return undefined
    const labels = labelsOf(incident)
    let longest: SilenceRecord | undefined
    for (const { record, matchers } of this.#silences.values()) {
      if (!hasBegun(record, time) || record.endsAt <= (longest?.endsAt ?? time)) continue
      if (mayMute(record, incident, labels) && allMatch(matchers, labels)) longest = record
    }
    return longest
  }

  takeWrites(): StateWrite[] {
    const writes = [...this.#dirty].map((id) => {
      const silence = this.#silences.get(id)
      return { key: PREFIX + id, value: silence === undefined ? null : Buffer.from(JSON.stringify(silence.record)) }
    })
    this.#dirty.clear()
    return writes
  }

  #forget(id: string): void {
    this.#silences.delete(id)
    this.#dirty.add(id)
  }
}

/** The log's time is behind the clock of whoever made it: what is to begin at once does. */
function hasBegun({ startsAt, createdAt }: SilenceRecord, time: number): boolean {
  return startsAt <= Math.max(createdAt, time)
}

function mayMute({ byAdmin, namespaces }: SilenceRecord, { kinds }: IncidentRecord, labels: Labels): boolean {
  if (!byAdmin && kinds.some((kind) => INTRUSIONS.includes(kind))) return false
  return isWithin(labels, namespaces)
}

/** All of an incident, source and destination, is within these namespaces; none given means all. */
export function isWithin({ source_namespace, destination_namespace }: Labels, namespaces: readonly string[]): boolean {
  const own = (names: readonly string[]) => names.every((name) => namespaces.includes(name))
  return namespaces.length === 0 || (own(source_namespace) && own(destination_namespace))
}
