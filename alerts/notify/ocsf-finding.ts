/** An incident as a Detection Finding of OCSF 1.8 (class 2004, https://schema.ocsf.io/1.8.0/classes/detection_finding). Times are epoch ms. */
import type { Example } from '../../detectors/detector.ts'
import type { IncidentRecord } from '../../storage/incident-records.ts'
import { clip } from '../clip.ts'
import { boundedEvidence, type IncidentEvidence, parseEvidence } from '../evidence.ts'
import type { ChannelContext, News, SummaryNotice } from './channel.ts'
import type { Cut } from './fitted.ts'
import { headline } from './headline.ts'
import { consoleLink, techniqueLink } from './links.ts'
import { plain } from './plain.ts'

const OCSF_VERSION = '1.8.0'
const CATEGORY_FINDINGS = 2
const CLASS_DETECTION_FINDING = 2004

const ACTIVITY = { create: 1, update: 2, close: 3 } as const
const STATUS = { new: 1, inProgress: 2, suppressed: 3, resolved: 4 } as const
const ANALYTIC = { rule: 1, statistical: 3 } as const
/** The methods that it knows; another stands in the evidence's data. */
const METHODS = new Set(['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT', 'PATCH'])
const INFORMATIONAL = 1
const SEVERITY: Readonly<Record<string, number>> = { critical: 5, high: 4, warning: 3 }

export interface Frame {
  /** Joins what is told together. */
  key: string
  cut: Cut
  context: Pick<ChannelContext, 'consoleUrl' | 'version'>
}

export function findingOf({ reason, record }: News, { key, cut, context }: Frame) {
  const evidence = boundedEvidence(parseEvidence(record.evidence), cut.evidence)
  const activity =
    reason === 'resolved'
      ? ACTIVITY.close
      : reason === 'first' && record.reopened === 0
        ? ACTIVITY.create
        : ACTIVITY.update
  const link = consoleLink(record, context.consoleUrl)
  return {
    ...classOf(activity),
    time: ms(record.updatedAt),
    ...(ms(evidence.firstSeen) > 0 ? { start_time: ms(evidence.firstSeen) } : {}),
    ...(ms(evidence.lastSeen) > 0 ? { end_time: ms(evidence.lastSeen) } : {}),
    severity_id: SEVERITY[record.severity] ?? INFORMATIONAL,
    status_id: statusOf(record),
    is_alert: true,
    count: record.findings,
    message: plain(record.summary, cut.text),
    metadata: metadataOf(context, { correlation_uid: key, uid: `${record.id}.${record.version}` }),
    finding_info: {
      uid: record.id,
      title: plain(record.summary, cut.text),
      types: record.kinds.slice(0, cut.list).map((kind) => plain(kind, cut.text)),
      created_time: ms(record.openedAt),
      modified_time: ms(record.updatedAt),
      analytic: {
        name: plain(record.detector, cut.text),
        type_id: evidence.p === null ? ANALYTIC.rule : ANALYTIC.statistical,
      },
      ...attacksOf(evidence.technique),
      ...(link === undefined ? {} : { src_url: link }),
    },
    ...evidencesOf(record, evidence, cut),
    ...resourcesOf(record, cut),
    unmapped: unmappedOf(record, evidence),
  }
}

export function stormFinding(notice: SummaryNotice, context: Frame['context']) {
  const { id, summary } = notice
  const title = headline(notice, 300)
  return {
    ...classOf(ACTIVITY.create),
    time: ms(summary.to),
    start_time: ms(summary.from),
    end_time: ms(summary.to),
    severity_id: SEVERITY[summary.worst[0]?.severity ?? ''] ?? INFORMATIONAL,
    status_id: STATUS.new,
    is_alert: true,
    count: summary.changes,
    message: title,
    metadata: metadataOf(context, { correlation_uid: 'eastwatch.storm', uid: id }),
    finding_info: {
      uid: id,
      title,
      related_events_count: summary.changes,
      related_events: summary.worst.map((one) => ({
        uid: one.id,
        title: plain(one.summary, 300),
        severity_id: SEVERITY[one.severity] ?? INFORMATIONAL,
      })),
    },
    unmapped: { by_severity: summary.bySeverity, by_cause: summary.byCause, other_causes: summary.otherCauses },
  }
}

function classOf(activity: number) {
  return {
    category_uid: CATEGORY_FINDINGS,
    class_uid: CLASS_DETECTION_FINDING,
    activity_id: activity,
    type_uid: CLASS_DETECTION_FINDING * 100 + activity,
  }
}

function metadataOf({ version }: Frame['context'], ids: { uid: string; correlation_uid: string }) {
  return { version: OCSF_VERSION, product: { name: 'Eastwatch', vendor_name: 'Eastwatch', version }, ...ids }
}

function statusOf({ status, acknowledgedBy, silencedBy }: IncidentRecord): number {
  if (status === 'resolved') return STATUS.resolved
  if (silencedBy !== '') return STATUS.suppressed
  return acknowledgedBy === '' ? STATUS.new : STATUS.inProgress
}

function attacksOf(technique: string) {
  const link = techniqueLink(technique)
  if (link === undefined) return {}
  const named = { uid: technique, src_url: link }
  return { attacks: [technique.includes('.') ? { sub_technique: named } : { technique: named }] }
}

/** Single calls; where there is none, who called whom. */
function evidencesOf(record: IncidentRecord, { examples, verdict }: IncidentEvidence, { text }: Cut) {
  const source = endpoint(record.sourceIdentity || record.sourceWorkload, '', text)
  const destination = endpoint(record.destinationService, '', text)
  const between = { ...(source && { src_endpoint: source }), ...(destination && { dst_endpoint: destination }) }
  const calls = examples.map((example) => {
    const caller = endpoint(record.sourceIdentity || record.sourceWorkload, example.sourceAddress, text)
    return {
      ...between,
      ...(caller && { src_endpoint: caller }),
      ...requestOf(example, text),
      data: dataOf(example, verdict),
    }
  })
  const evidences = calls.length > 0 ? calls : Object.keys(between).length > 0 ? [between] : []
  return evidences.length === 0 ? {} : { evidences }
}

/** OCSF wants one name at least of an endpoint. */
function endpoint(service: string, address: string, max: number) {
  const named = {
    ...(service === '' ? {} : { svc_name: plain(service, max) }),
    ...(address === '' ? {} : { ip: plain(address, max) }),
  }
  return Object.keys(named).length === 0 ? undefined : named
}

function requestOf({ method, path, requestId, status }: Example, max: number) {
  return {
    http_request: {
      ...(requestId === '' ? {} : { uid: plain(requestId, max) }),
      ...(METHODS.has(method) ? { http_method: method } : {}),
      ...(path === '' ? {} : { url: { path: plain(path, max) } }),
    },
    ...(status > 0 ? { http_response: { code: status } } : {}),
  }
}

/** What OCSF has no field for. As it came: JSON keeps it apart. */
function dataOf({ at, method, traceId, detail }: Example, verdict: string) {
  return { at: ms(at), method, trace_id: traceId, detail, verdict }
}

function resourcesOf({ sources, destinations }: IncidentRecord, { list, text }: Cut) {
  const of = (names: readonly string[], role: string) =>
    names.slice(0, list).map((name) => ({ name: plain(name, text) || '?', type: role }))
  const resources = [...of(sources, 'source'), ...of(destinations, 'destination')]
  return resources.length === 0 ? {} : { resources }
}

/** Numbers behind the finding, and the statement that shows its records, as it runs. */
function unmappedOf(record: IncidentRecord, evidence: IncidentEvidence) {
  const { observed, expected, unit, p, detectable, baselineSamples, blind, facts, sql } = evidence
  const numbers = {
    observed,
    expected,
    unit,
    probability: p,
    smallest_detectable: detectable,
    samples: baselineSamples,
  }
  return { ...numbers, cause: clip(record.cause, 300), not_visible: blind, facts, sql }
}

const ms = (us: number): number => Math.floor(us / 1000)
