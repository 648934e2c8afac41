/**
 * Findings become incidents: the processor of `eastwatch.findings`, one per partition. Each change of an incident goes to the same
 * partition of `eastwatch.incidents`, with a tick of its own behind it; the incidents themselves are the processor's committed
 * state, so that change, state and offset happen together or not at all.
 *
 * Memory: at most `maxIncidents` a partition, open or remembered for reopening, of about 20 KiB at worst. Past that the resolved
 * ones are forgotten first, then open ones of the lowest severity that were quiet longest are closed early; their findings stay
 * in the findings table.
 */
import type { Assignment, Batch, PartitionProcessor, Publication, StateWrite, StepResult } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'
import type { Logger } from '../core/logger.ts'
import { decodeTick, encodeTick } from '../core/tick.ts'
import { Watermark, type WatermarkSnapshot } from '../core/watermark.ts'
import { decodeFinding, type Finding } from '../detectors/detector.ts'
import { encodeAlertRecord } from '../storage/incident-records.ts'
import { applyFinding, applyTick, closeEarly, type Incident, severityRank } from './incident.ts'
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
  const watermark = new Watermark({ latenessUs: 0, producers: options.producers })
  for await (const [key, value] of assignment.state) {
    if (key === WATERMARK_KEY) watermark.restore(parse<WatermarkSnapshot>(value))
    else if (key.startsWith(INCIDENT_PREFIX)) {
      incidents.set(key.slice(INCIDENT_PREFIX.length), parse<Incident>(value))
    }
  }
  return new IncidentProcessor(assignment, options, incidents, watermark)
}

class IncidentProcessor implements PartitionProcessor {
  readonly from: number
  readonly #partition: number
  readonly #options: IncidentsOptions
  /** By fingerprint. */
  readonly #incidents: Map<string, Incident>
  readonly #watermark: Watermark
  /** Filled by one step. */
  #publish: Publication[] = []
  #dirty = new Set<string>()

  constructor(
    { committed, partition }: Assignment,
    options: IncidentsOptions,
    incidents: Map<string, Incident>,
    watermark: Watermark,
  ) {
    this.from = committed
    this.#partition = partition
    this.#options = options
    this.#incidents = incidents
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
        if (this.#watermark.observe(tick).advanced) this.#advance()
      } else {
        const finding = readOrTell(decodeFinding, record, batch, this.#options.logger)
        if (finding !== undefined) this.#join(finding)
      }
    }
    const next = batch.records.at(-1)!.offset + 1
    const state: StateWrite[] = [...this.#dirty].map((fingerprint) => {
      const incident = this.#incidents.get(fingerprint)
      return {
        key: INCIDENT_PREFIX + fingerprint,
        value: incident === undefined ? null : Buffer.from(JSON.stringify(incident)),
      }
    })
    if (lastTick >= 0) {
      state.push({ key: WATERMARK_KEY, value: Buffer.from(JSON.stringify(this.#watermark.snapshot())) })
      // The input's offset serves as the tick's number: it rises, and needs no state of its own.
      const producer = `incidents/${this.#partition}`
      const time = Math.max(0, this.#watermark.time)
      this.#send(encodeTick({ producer, seq: lastTick, time, leave: false }))
    }
    return { next, publish: this.#publish, state }
  }

  #join(finding: Finding): void {
    const changes = applyFinding(this.#incidents.get(finding.fingerprint), finding, this.#options.reopenUs)
    for (const incident of changes) this.#change(incident)
    if (this.#incidents.size > this.#options.maxIncidents) this.#makeRoom()
  }

  #advance(): void {
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
    return record.status === 'resolved' && this.#watermark.time - record.resolvedAt > this.#options.reopenUs
  }

  #change(incident: Incident): void {
    this.#incidents.set(incident.record.fingerprint, incident)
    this.#dirty.add(incident.record.fingerprint)
    this.#send(encodeAlertRecord(incident.record))
  }

  #forget(fingerprint: string): void {
    this.#incidents.delete(fingerprint)
    this.#dirty.add(fingerprint)
  }

  #send(value: Uint8Array): void {
    this.#publish.push({ topic: TOPIC.incidents, partition: this.#partition, value })
  }

  #makeRoom(): void {
    const worth = ({ record }: Incident) => (record.status === 'resolved' ? -1 : severityRank(record.severity))
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

function parse<T>(value: Uint8Array): T {
  return JSON.parse(Buffer.from(value).toString()) as T
}
