/** What a person needs of an incident, as label and text, each one plain line. For receivers that show text; the JSON is message.ts. */
import { listed } from '../../detectors/wording.ts'
import { type IncidentEvidence, parseEvidence } from '../evidence.ts'
import { counted, expectation, measured, moment } from '../words.ts'
import type { News } from './channel.ts'
import { plain } from './plain.ts'

export interface Fact {
  label: string
  text: string
}

const MOST_NAMES = 5

/** Each text at most `max` UTF-16 units. Facts that there are none of are left out. */
export function factsOf({ record }: News, max: number): Fact[] {
  const evidence = parseEvidence(record.evidence)
  const { acknowledgedBy, acknowledgedAt, resolvedBy } = record
  const facts: Fact[] = [
    { label: 'Found by', text: `${record.detector} (${record.kinds.join(', ')}), open since ${when(record.openedAt)}` },
    { label: 'Seen', text: seen(evidence) },
    { label: 'From', text: listed(record.sources, MOST_NAMES) },
    { label: 'To', text: [listed(record.destinations, MOST_NAMES), record.operation].filter(isSaid).join(' ') },
    { label: 'Verdict', text: evidence.verdict },
    { label: 'Example', text: exampleOf(evidence) },
    { label: 'Not seen', text: evidence.blind },
    { label: 'Acknowledged', text: acknowledgedBy === '' ? '' : `by ${acknowledgedBy}, ${when(acknowledgedAt)}` },
    { label: 'Resolved', text: resolvedBy === '' ? '' : `by ${resolvedBy}` },
    { label: 'ATT&CK', text: evidence.technique },
  ]
  return facts.map(({ label, text }) => ({ label, text: plain(text, max) })).filter(({ text }) => isSaid(text))
}

/** The statement that shows the records, as it runs; '' where there is none. Never changed: cut or escaped it would ask another question. */
export function sqlOf({ record }: News): string {
  return parseEvidence(record.evidence).sql
}

function seen({ observed, expected, unit, baselineSamples }: IncidentEvidence): string {
  const from = baselineSamples > 0 ? `, from ${counted(baselineSamples, 'samples')}` : ''
  return `${measured(observed, unit)}; expected ${expectation(expected, unit)}${from}`
}

function exampleOf({ examples: [example] }: IncidentEvidence): string {
  if (example === undefined) return ''
  const { at, sourceAddress, method, path, requestId, traceId } = example
  const parts = [
    when(at),
    sourceAddress === '' ? '' : `from ${sourceAddress}`,
    method,
    path,
    requestId === '' ? '' : `request id ${requestId}`,
    traceId === '' ? '' : `trace id ${traceId}`,
  ]
  return parts.filter(isSaid).join(' ')
}

const when = (us: number): string => (us > 0 && us < 8.64e18 ? moment(us) : 'unknown')
const isSaid = (text: string): boolean => text !== ''
