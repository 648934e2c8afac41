/** Where a person reads on. Addresses are ours and the console's alone: nothing of telemetry but an id and a technique that is one. */
import type { IncidentRecord } from '../../storage/incident-records.ts'

export interface Link {
  text: string
  href: string
}

/** Of the incident in the console, where its address is known. */
export function consoleLink({ id }: Pick<IncidentRecord, 'id'>, consoleUrl: string | undefined): string | undefined {
  return consoleUrl === undefined ? undefined : `${consoleUrl.replace(/\/+$/, '')}/incidents/${encodeURIComponent(id)}`
}

/** Of an ATT&CK technique; undefined where the text names none. */
export function techniqueLink(technique: string): string | undefined {
  const match = /^(T\d{4})(?:\.(\d{3}))?$/.exec(technique)
  if (match === null) return undefined
  const path = match[2] === undefined ? match[1] : `${match[1]}/${match[2]}`
  return `https://attack.mitre.org/techniques/${path}/`
}

export function linksOf(record: Pick<IncidentRecord, 'id'>, technique: string, consoleUrl: string | undefined): Link[] {
  const links = [
    { text: 'Incident in Eastwatch', href: consoleLink(record, consoleUrl) },
    { text: `ATT&CK ${technique}`, href: techniqueLink(technique) },
  ]
  return links.filter((link): link is Link => link.href !== undefined)
}
