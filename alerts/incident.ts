/**
 * Life cycle of an incident, as pure functions: open, update, acknowledge, accept, resolve, reopen under the same id. All times are those
 * of findings, ticks and people's actions in the log, never a clock, so the same log gives the same incidents.
 *
 * One fingerprint's findings come from one partition of one stage, in order; ticks of the other partitions come between them in
 * any order. So nothing may depend on where a tick falls: an incident resolves *at* its last finding's end + its quiet time, and a
 * finding beyond that reopens it whether or not a tick has resolved it already.
 */
import { createHash } from 'node:crypto'
import type { AcceptAction, IncidentAction } from '../core/action.ts'
import { type Finding, SEVERITIES, type Severity } from '../detectors/detector.ts'
import type { IncidentRecord } from '../storage/incident-records.ts'
import { clip } from './clip.ts'
import { evidenceText } from './evidence.ts'
import { namespaceOfService } from './labels.ts'
import { addTotals, firstTotals, summaryOf, type Totals } from './totals.ts'

/** Finding ids remembered per incident, to drop repeats. */
const MAX_SEEN = 64
const MAX_KINDS = 32
/** Sources, and destinations, listed per incident: the first that appeared. */
const MAX_LISTED = 64
const MAX_TEXT = 1_000
const MAX_NAME = 300

export interface Incident {
  /** As last published. */
  record: IncidentRecord
  /** Newest end of a finding's window. */
  lastSeen: number
  /** Longest quiet time any of its findings asked for. */
  quietUs: number
  /** Newest finding ids, oldest first. */
  seen: readonly string[]
  /** The newest finding's own sentence; the record's summary is that and the totals. */
  alarm: string
  totals: Totals
}

export function severityRank(severity: string): number {
  return SEVERITIES.indexOf(severity as Severity)
}

/**
 * The states an incident goes through because of one finding, in order; each is a change to publish and the last one stands.
 * Empty where the finding is a repeat. `incident` is the one of this fingerprint, if any is remembered; a resolved one reopens
 * under its id within `reopenUs` of its resolution, later the finding opens another.
 */
export function applyFinding(incident: Incident | undefined, finding: Finding, reopenUs: number): Incident[] {
  if (incident === undefined) return [open(finding)]
  if (incident.seen.includes(finding.id) || isAccepted(incident, finding)) return []
  const { status, resolvedAt } = incident.record
  const resolvesAt = status === 'resolved' ? resolvedAt : incident.lastSeen + incident.quietUs
  if (finding.windowEnd <= resolvesAt) return [join(incident, finding)]
  const resolved = status === 'resolved' ? [] : [resolve(incident)]
  const before = resolved[0] ?? incident
  if (finding.windowEnd - before.record.resolvedAt > reopenUs) return [...resolved, open(finding)]
  return [...resolved, reopen(before, finding)]
}

/** The incident after the log's time has come to `watermark`, or undefined where that changes nothing. */
export function applyTick(incident: Incident, watermark: number): Incident | undefined {
  if (incident.record.status === 'resolved' || watermark < incident.lastSeen + incident.quietUs) return undefined
  return resolve(incident)
}

/** Of an incident that nobody has dealt with. */
const UNTOUCHED = {
  resolvedAt: 0,
  resolvedBy: '',
  acknowledgedBy: '',
  acknowledgedAt: 0,
  silencedBy: '',
  silencedUntil: 0,
} as const

function open(finding: Finding): Incident {
  const { fingerprint, windowEnd, quietUs } = finding
  return {
    record: {
      type: 'incident',
      id: createHash('sha256').update(`${fingerprint}|${windowEnd}`).digest('hex').slice(0, 32),
      fingerprint,
      version: 1,
      status: 'open',
      detector: finding.detector,
      kinds: [clip(finding.kind, MAX_TEXT)],
      severity: finding.severity,
      openedAt: windowEnd,
      updatedAt: windowEnd,
      ...UNTOUCHED,
      acceptedUntil: 0,
      reopened: 0,
      findings: 1,
      summary: clip(finding.summary, MAX_TEXT),
      sources: listed([], sourceOf(finding)),
      destinations: listed([], clip(finding.key.destinationService, MAX_NAME)),
      ...shown(finding),
    },
    lastSeen: windowEnd,
    quietUs,
    seen: [finding.id],
    alarm: clip(finding.summary, MAX_TEXT),
    totals: firstTotals(finding),
  }
}

/**
 * A late finding may join an incident that has resolved meanwhile; that reopens it only where it asks for a longer quiet. Whoever resolved it
 * by hand knew what came before.
 */
function join(incident: Incident, finding: Finding): Incident {
  const { status, resolvedAt, resolvedBy } = incident.record
  const updated = update(incident, finding)
  const isOverNoMore = status === 'resolved' && resolvedBy === '' && updated.lastSeen + updated.quietUs > resolvedAt
  return isOverNoMore ? reopen(incident, finding) : updated
}

function update({ record, lastSeen, quietUs, seen, ...before }: Incident, finding: Finding): Incident {
  const newest = isNewest(finding, lastSeen, record.lastFindingId)
  const alarm = newest ? clip(finding.summary, MAX_TEXT) : before.alarm
  const totals = addTotals(before.totals, finding)
  return {
    record: {
      ...record,
      version: record.version + 1,
      kinds: [...new Set([...record.kinds, clip(finding.kind, MAX_TEXT)])].sort().slice(0, MAX_KINDS),
      severity: severityRank(finding.severity) > severityRank(record.severity) ? finding.severity : record.severity,
      updatedAt: Math.max(record.updatedAt, finding.windowEnd),
      findings: record.findings + 1,
      sources: listed(record.sources, sourceOf(finding)),
      destinations: listed(record.destinations, clip(finding.key.destinationService, MAX_NAME)),
      ...(newest ? shown(finding) : {}),
      summary: summaryOf(alarm, totals),
    },
    lastSeen: Math.max(lastSeen, finding.windowEnd),
    quietUs: Math.max(quietUs, finding.quietUs),
    seen: [...seen, finding.id].slice(-MAX_SEEN),
    alarm,
    totals,
  }
}

function reopen(incident: Incident, finding: Finding): Incident {
  const { record, ...rest } = update(incident, finding)
  const again = { ...UNTOUCHED, acceptedUntil: 0, reopened: record.reopened + 1 }
  return { ...rest, record: { ...record, ...again, status: 'open' } }
}

function resolve(incident: Incident): Incident {
  const { record, lastSeen, quietUs } = incident
  const resolvedAt = lastSeen + quietUs
  return {
    ...incident,
    record: { ...record, version: record.version + 1, status: 'resolved', updatedAt: resolvedAt, resolvedAt },
  }
}

/** undefined where there is nothing to acknowledge. */
export function acknowledge(incident: Incident, { actor, at }: IncidentAction): Incident | undefined {
  if (incident.record.status === 'resolved') return undefined
  return changed(incident, at, { acknowledgedBy: clip(actor.name, MAX_NAME), acknowledgedAt: at })
}

/** By hand, before its quiet time is over. undefined where it is resolved already. */
export function resolveByHand(incident: Incident, { actor, at }: IncidentAction): Incident | undefined {
  if (incident.record.status === 'resolved') return undefined
  return changed(incident, at, {
    status: 'resolved',
    resolvedAt: Math.max(incident.lastSeen, at),
    resolvedBy: clip(actor.name, MAX_NAME),
  })
}

/** Resolves it if it is open; findings like those seen open nothing until then. */
export function accept(incident: Incident, action: AcceptAction): Incident {
  const resolved = resolveByHand(incident, { ...action, type: 'resolve' })
  if (resolved === undefined) return changed(incident, action.at, { acceptedUntil: action.until })
  return { ...resolved, record: { ...resolved.record, acceptedUntil: action.until } }
}

/** What muted it, if anything, is another now. undefined where that is no change. */
export function muted(incident: Incident, by: string, until: number): Incident | undefined {
  const { silencedBy, silencedUntil, updatedAt } = incident.record
  if (silencedBy === by && silencedUntil === until) return undefined
  return changed(incident, updatedAt, { silencedBy: by, silencedUntil: until })
}

function changed(incident: Incident, at: number, change: Partial<IncidentRecord>): Incident {
  const { record } = incident
  const updatedAt = Math.max(record.updatedAt, at)
  return { ...incident, record: { ...record, version: record.version + 1, updatedAt, ...change } }
}

/** Like what a person accepted: nothing new in kind, severity, source and destination. */
function isAccepted({ record }: Incident, finding: Finding): boolean {
  return (
    finding.windowEnd <= record.acceptedUntil &&
    severityRank(finding.severity) <= severityRank(record.severity) &&
    record.kinds.includes(clip(finding.kind, MAX_TEXT)) &&
    ['', ...record.sources].includes(sourceOf(finding)) &&
    ['', ...record.destinations].includes(clip(finding.key.destinationService, MAX_NAME))
  )
}

/** Resolves before its time, because there is no room for it. */
export function closeEarly(incident: Incident): Incident {
  const { record, lastSeen } = incident
  return {
    ...incident,
    record: {
      ...record,
      version: record.version + 1,
      status: 'resolved',
      summary: clip(`Closed early, too many open incidents. ${record.summary}`, MAX_TEXT),
      resolvedAt: lastSeen,
    },
  }
}

/** Of findings that end together the one with the smallest id is shown, so that their order does not matter. */
function isNewest(finding: Finding, lastSeen: number, shownId: string): boolean {
  return finding.windowEnd > lastSeen || (finding.windowEnd === lastSeen && finding.id < shownId)
}

/** The source by its identity, else its workload, else its address; '' where the finding is about none. */
function sourceOf({ key }: Finding): string {
  const { sourceIdentity, sourceWorkload, sourceNamespace, sourceAddress } = key
  const workload = sourceWorkload === '' ? '' : `${sourceWorkload}.${sourceNamespace}`
  return clip(sourceIdentity || workload || sourceAddress, MAX_NAME)
}

function listed(names: readonly string[], name: string): readonly string[] {
  return name === '' || names.includes(name) || names.length >= MAX_LISTED ? names : [...names, name]
}

/** What a person sees of an incident: its newest finding. */
function shown(finding: Finding) {
  return {
    cause: clip(finding.cause, MAX_TEXT),
    sourceIdentity: clip(finding.key.sourceIdentity, MAX_TEXT),
    sourceWorkload: clip(finding.key.sourceWorkload, MAX_TEXT),
    sourceNamespace: clip(finding.key.sourceNamespace, MAX_TEXT),
    destinationService: clip(finding.key.destinationService, MAX_TEXT),
    destinationNamespace: namespaceOfService(clip(finding.key.destinationService, MAX_TEXT)),
    operation: clip(finding.key.operation, MAX_TEXT),
    verdict: clip(finding.evidence.verdict, MAX_TEXT),
    lastFindingId: finding.id,
    evidence: evidenceText(finding),
  }
}
