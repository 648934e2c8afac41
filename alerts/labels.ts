/** What routes, silences and groups can ask of an incident. An incident may have several values of a label. Pure. */
import type { IncidentRecord } from '../storage/incident-records.ts'

export const LABELS = [
  'detector',
  'kind',
  'severity',
  'cause',
  'source',
  'source_namespace',
  'destination',
  'destination_namespace',
  'operation',
  'verdict',
] as const
export type Label = (typeof LABELS)[number]

/** Values by label; at least one each, '' where there is none. */
export type Labels = Readonly<Record<Label, readonly string[]>>

export function labelsOf(record: IncidentRecord): Labels {
  const { sources, destinations } = record
  return {
    detector: [record.detector],
    kind: atLeastOne(record.kinds),
    severity: [record.severity],
    cause: [record.cause],
    source: atLeastOne(sources),
    source_namespace: unique([record.sourceNamespace, ...sources.map(namespaceOfIdentity)]),
    destination: atLeastOne(destinations),
    destination_namespace: unique([record.destinationNamespace, ...destinations.map(namespaceOfService)]),
    operation: [record.operation],
    verdict: [record.verdict],
  }
}

/** `<name>.<namespace>`, as services are named throughout; '' where the name is another. */
export function namespaceOfService(service: string): string {
  return /^[^.]+\.([^.]+)$/.exec(service)?.[1] ?? ''
}

function namespaceOfIdentity(identity: string): string {
  return /\/ns\/([^/]+)\/sa\//.exec(identity)?.[1] ?? ''
}

function unique(names: readonly string[]): readonly string[] {
  return atLeastOne([...new Set(names)].filter((name) => name !== ''))
}

function atLeastOne(names: readonly string[]): readonly string[] {
  return names.length === 0 ? [''] : names
}
