/** Makes findings: names them by hash and fills in what is the same for all. */
import type { Evidence, Finding, FindingKey, Severity, WindowGroup } from './detector.ts'
import { nameHash } from './hash.ts'
import { OTHER, type PairKey } from './window.ts'

export interface Statement {
  detector: string
  kind: string
  /** What the incident is, where several kinds join one; the kind itself by default. */
  incident?: string
  severity: Severity
  key: FindingKey
  /** The part of the key that makes the incident; all of it by default. */
  incidentKey?: Partial<FindingKey>
  cause: string
  quietUs: number
  summary: string
  technique: string
  evidence: Evidence
}

export function finding(group: WindowGroup, statement: Statement): Finding {
  const { incident, incidentKey, ...rest } = statement
  const { detector, kind, key, evidence } = statement
  // Late records may speak of a window that has spoken before: theirs are findings of their own.
  const late = group.late ? [evidence.firstSeen, evidence.lastSeen, evidence.observed] : []
  return {
    id: nameHash([detector, kind, ...keyParts(key), group.start, ...late]),
    ...rest,
    fingerprint: nameHash([detector, incident ?? kind, ...keyParts({ ...EMPTY_KEY, ...(incidentKey ?? key) })]),
    windowStart: group.start,
    windowEnd: group.end,
  }
}

export const EMPTY_KEY: FindingKey = {
  sourceIdentity: '',
  sourceWorkload: '',
  sourceNamespace: '',
  sourceAddress: '',
  destinationIdentity: '',
  destinationService: '',
  operation: '',
}

export function pairFindingKey(pair: PairKey, operation = ''): FindingKey {
  return { ...EMPTY_KEY, ...pair, operation }
}

function keyParts(key: FindingKey): string[] {
  return Object.keys(EMPTY_KEY).map((name) => key[name as keyof FindingKey])
}

/** The source as a person would name it. Text of telemetry: escape it where it is shown. */
export function sourceName({
  sourceIdentity,
  sourceWorkload,
  sourceNamespace,
  sourceAddress,
}: Omit<PairKey, 'destinationService'>): string {
  if (sourceIdentity === OTHER) return 'one of many further callers'
  const account = sourceIdentity.split('/').at(-1) ?? ''
  const namespace = /\/ns\/([^/]+)/.exec(sourceIdentity)?.[1] ?? sourceNamespace
  if (sourceWorkload !== '' && sourceWorkload !== account) {
    return account === '' ? `${sourceWorkload}.${namespace}` : `${sourceWorkload}.${namespace} (identity ${account})`
  }
  if (account !== '') return namespace === '' ? sourceIdentity : `${account}.${namespace}`
  return sourceAddress === '' ? 'an unnamed caller' : `the address ${sourceAddress}`
}
