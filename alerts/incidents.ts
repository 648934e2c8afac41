/**
 * Findings become incidents, and people's actions change them: the processor of `eastwatch.findings`. Each change of an incident goes to
 * `eastwatch.incidents`, and each action as audit, with a tick behind them; the incidents and silences are the processor's committed state,
 * so that change, state and offset happen together or not at all.
 *
 * Memory: at most `maxIncidents`, open or remembered for reopening, of about 20 KiB at worst. Past that the resolved
 * ones are forgotten first, then open ones of the lowest severity that were quiet longest are closed early; their findings stay
 * in the findings table.
 */

import { type Action, decodeAction } from '../core/action.ts'
import type { Assignment, Batch, PartitionProcessor, Publication, StateWrite, StepResult } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { decodeTick, encodeTick } from '../core/tick.ts'
import { Watermark, type WatermarkSnapshot } from '../core/watermark.ts'
import { decodeFinding, type Finding } from '../detectors/detector.ts'
import { type AlertRecord, encodeAlertRecord, type IncidentRecord } from '../storage/incident-records.ts'
import {
  accept,
  acknowledge,
  applyFinding,
  applyTick,
  closeEarly,
  type Incident,
  muted,
  resolveByHand,
  severityRank,
} from './incident.ts'
import { auditDetail, DONE } from './outcome.ts'
import { Silences } from './silences.ts'
import { readOrTell } from './unreadable.ts'

export interface IncidentsOptions {
  /** Producers whose ticks make the watermark: `stage1/<p>` and `stage2/<p>` of all partitions. */
  producers: readonly string[]
  /** A resolved incident reopens under its id for so long (microseconds of tick time). */
  reopenUs: number
  maxIncidents: number
  logger: Logger
}

const WATERMARK_KEY = 'watermark'
const INCIDENT_PREFIX = 'incident/'
/** Share freed at once when full, so that a flood does not sort all incidents for each finding. */
const FREED_SHARE = 0.05

export async function startIncidents(assignment: Assignment, options: IncidentsOptions): Promise<PartitionProcessor> {
  const incidents = new Map<string, Incident>()
  const silences = new Silences()
  const watermark = new Watermark({ latenessUs: 0, producers: options.producers })
  for await (const [key, value] of assignment.state) {
    if (key === WATERMARK_KEY) watermark.restore(parse<WatermarkSnapshot>(value))
    else if (key.startsWith(INCIDENT_PREFIX)) {
      incidents.set(key.slice(INCIDENT_PREFIX.length), parse<Incident>(value))
    } else silences.restore(key, value)
  }
  return new IncidentProcessor(assignment, options, incidents, silences, watermark)
}

class IncidentProcessor implements PartitionProcessor {
  readonly from: number
  readonly #partition: number
  readonly #options: IncidentsOptions
  /** By fingerprint. */
  readonly #incidents: Map<string, Incident>
  readonly #silences: Silences
  readonly #watermark: Watermark
  /** Filled by one step. */
  #publish: Publication[] = []
  #dirty = new Set<string>()

  constructor(
    { committed, partition }: Assignment,
    options: IncidentsOptions,
    incidents: Map<string, Incident>,
    silences: Silences,
    watermark: Watermark,
  ) {
    this.from = committed
    this.#partition = partition
    this.#options = options
    this.#incidents = incidents
    this.#silences = silences
    this.#watermark = watermark
  }

  step(batch: Batch): StepResult {
    this.#publish = []
    this.#dirty = new Set()
    let lastTick = -1
    for (const record of batch.records) {
      const tick = decodeTick(record.value)
      if (tick !== undefined) {
        lastTick = record.offset
        const before = this.#watermark.time
        if (this.#watermark.observe(tick).advanced) this.#advance(before)
      } else {
        const found = readOrTell(decodeFindingOrAction, record, batch, this.#options.logger)
        if (found === undefined) continue
        if ('actor' in found) this.#act(found)
        else this.#join(found)
      }
    }
    const next = batch.records.at(-1)!.offset + 1
    const state: StateWrite[] = this.#silences.takeWrites()
    for (const fingerprint of this.#dirty) {
      const incident = this.#incidents.get(fingerprint)
      state.push({
        key: INCIDENT_PREFIX + fingerprint,
        value: incident === undefined ? null : Buffer.from(JSON.stringify(incident)),
      })
    }
    if (lastTick >= 0) {
      state.push({ key: WATERMARK_KEY, value: Buffer.from(JSON.stringify(this.#watermark.snapshot())) })
      // The input's offset serves as the tick's number: it rises, and needs no state of its own.
      const producer = `incidents/${this.#partition}`
      const time = Math.max(0, this.#watermark.time)
      this.#publishValue(encodeTick({ producer, seq: lastTick, time, leave: false }))
    }
    return { next, publish: this.#publish, state }
  }

  #join(finding: Finding): void {
    const changes = applyFinding(this.#incidents.get(finding.fingerprint), finding, this.#options.reopenUs)
    for (const incident of changes) this.#change(incident)
    if (this.#incidents.size > this.#options.maxIncidents) this.#makeRoom()
  }

  /** Throws nothing: what is wrong with an action stands in the audit. */
  #act(action: Action): void {
    let outcome = DONE
    try {
      outcome = this.#effect(action)
    } catch (error) {
      outcome = `refused: ${messageOf(error)}`
    }
    const { id, at, actor, type, reason } = action
    const detail = auditDetail(outcome, reason)
    this.#send({ type: 'audit', id, at, actor: actor.name, action: type, subject: subjectOf(action), detail })
  }

  #effect(action: Action): string {
    if (action.type === 'silence' || action.type === 'end_silence') {
      const silence = action.type === 'silence' ? this.#silences.add(action) : this.#silences.end(action)
      if (silence === undefined) return 'too late: it is over'
      this.#send(silence)
      this.#muteAnew()
      return DONE
    }
    const incident = this.#incidents.get(action.fingerprint)
    if (incident?.record.id !== action.incidentId) return 'too late: the incident is over and forgotten'
    const after =
      action.type === 'accept'
        ? accept(incident, action)
        : action.type === 'resolve'
          ? resolveByHand(incident, action)
          : acknowledge(incident, action)
    if (after === undefined) return 'too late: the incident is resolved'
    this.#change(after)
    return DONE
  }

  #muteAnew(): void {
    for (const incident of this.#incidents.values()) {
      const after = incident.record.status === 'open' ? this.#muted(incident) : undefined
      if (after !== undefined) this.#change(after)
    }
  }

  #muted(incident: Incident): Incident | undefined {
    const silence = this.#silences.muting(incident.record, this.#watermark.time)
    return muted(incident, silence?.id ?? '', silence?.endsAt ?? 0)
  }

  #advance(before: number): void {
    if (this.#silences.advance(before, this.#watermark.time)) this.#muteAnew()
    const changes: Incident[] = []
    for (const [fingerprint, incident] of this.#incidents) {
      const resolved = applyTick(incident, this.#watermark.time)
      if (resolved !== undefined) changes.push(resolved)
      else if (this.#isPast(incident)) this.#forget(fingerprint)
    }
    changes.sort((a, b) => (a.record.fingerprint < b.record.fingerprint ? -1 : 1))
    for (const incident of changes) this.#change(incident)
  }

  #isPast({ record }: Incident): boolean {
    const until = Math.max(record.resolvedAt + this.#options.reopenUs, record.acceptedUntil)
    return record.status === 'resolved' && this.#watermark.time > until
  }

  /** What a change does to its being muted goes with it, under the same version. */
  #change(incident: Incident): void {
    const { record } = incident
    const silenced = record.status === 'open' ? this.#muted(incident)?.record : undefined
    const { silencedBy, silencedUntil } = silenced ?? record
    const after = { ...incident, record: { ...record, silencedBy, silencedUntil } }
    this.#incidents.set(record.fingerprint, after)
    this.#dirty.add(record.fingerprint)
    this.#send(after.record)
  }

  #forget(fingerprint: string): void {
    this.#incidents.delete(fingerprint)
    this.#dirty.add(fingerprint)
  }

  #send(record: AlertRecord): void {
    this.#publishValue(encodeAlertRecord(record))
  }

  #publishValue(value: Uint8Array): void {
    this.#publish.push({ topic: TOPIC.incidents, partition: this.#partition, value })
  }

  #makeRoom(): void {
    const isOver = ({ status, acceptedUntil }: IncidentRecord) => status === 'resolved' && acceptedUntil === 0
    const worth = ({ record }: Incident) => (isOver(record) ? -1 : severityRank(record.severity))
    const least = [...this.#incidents.values()]
      .sort(
        (a, b) =>
          worth(a) - worth(b) || a.lastSeen - b.lastSeen || (a.record.fingerprint < b.record.fingerprint ? -1 : 1),
      )
      .slice(0, Math.ceil(this.#options.maxIncidents * FREED_SHARE))
    const open = least.filter(({ record }) => record.status === 'open')
    for (const incident of open) this.#change(closeEarly(incident))
    for (const { record } of least) this.#forget(record.fingerprint)
    if (open.length > 0) {
      this.#options.logger.warn(
        { partition: this.#partition, closed: open.length, maxIncidents: this.#options.maxIncidents },
        'too many open incidents: those of the lowest severity and longest quiet were closed early',
      )
    }
  }
}

function decodeFindingOrAction(value: Uint8Array): Finding | Action | undefined {
  return decodeFinding(value) ?? decodeAction(value)
}

function subjectOf(action: Action): string {
  switch (action.type) {
    case 'silence':
      return `silence ${action.id}`
    case 'end_silence':
      return `silence ${action.silenceId}`
    default:
      return `incident ${action.incidentId}`
  }
}

function parse<T>(value: Uint8Array): T {
  return JSON.parse(Buffer.from(value).toString()) as T
}
