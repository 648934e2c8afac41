/** The demo's output: each incident as a person would want to read it, and the verdict at the end. */
import { counted, expectation, measured, moment } from '../alerts/words.ts'
import { harmless } from '../core/harmless.ts'
import { type Judgement, type Opened, passed } from './judge.ts'

/** The part of a webhook message that is shown; see docs/alerts.md. */
export interface Message {
  reason: string
  summary: string
  severity: string
  status: string
  incident: { detector: string; kinds: string[]; openedAt: string }
  verdict: string
  evidence: {
    observed: number
    expected: number
    unit: string
    expectedFrom: { samples: number; since: string | null }
    notVisible: string
    facts: Record<string, string | number>
    examples: { at: string; requestId: string; sourceAddress: string; method: string; path: string; detail: string }[]
  }
  technique: string
  sql: string
}

/** The incidents of a message: its own, or those of its group; a summary has none. */
export function incidentsOf(body: unknown): Message[] {
  const { type, incidents } = body as { type: string; incidents?: Message[] }
  if (type === 'eastwatch.group') return incidents ?? []
  return type === 'eastwatch.incident' ? [body as Message] : []
}

/** Column at which what is said begins, and the longest line. */
const LABEL = 11
const WIDTH = 110
const INDENT = LABEL + 2
const MOST_FACTS = 4

export function incidentText(message: Message): string {
  const { incident, evidence } = message
  const say = (label: string, text: string) => (text === '' ? [] : below(label, wrapped(text, WIDTH - INDENT)))
  const lines = [
    ...wrapped(`${message.severity.toUpperCase()}  ${message.summary}`, WIDTH).map((line, at) =>
      at === 0 ? line : `  ${line}`,
    ),
    ...say('found by', `${incident.detector} (${incident.kinds.join(', ')}), ${time(incident.openedAt)}`),
    ...say('seen', seen(evidence)),
    ...(message.summary.includes(message.verdict) ? [] : say('verdict', message.verdict)),
    ...below('facts', filled(factsOf(message), ' | ', WIDTH - INDENT)),
    ...say('example', exampleOf(evidence.examples[0])),
    ...say('not seen', evidence.notVisible),
    ...say('ATT&CK', message.technique),
  ]
  return `${lines.map(harmless).join('\n')}\n`
}

function seen({ observed, expected, unit, expectedFrom: { samples } }: Message['evidence']): string {
  const from = samples > 0 ? `, from ${counted(samples, 'samples')}` : ''
  return `${measured(observed, unit)}; expected ${expectation(expected, unit)}${from}`
}

/** Those that the summary does not hold already. */
function factsOf({ summary, evidence }: Message): string[] {
  return Object.entries(evidence.facts)
    .filter(([, value]) => typeof value === 'number' || !summary.includes(value))
    .slice(0, MOST_FACTS)
    .map(([label, value]) => `${label.replaceAll('_', ' ')}: ${value}`)
}

function exampleOf(example: Message['evidence']['examples'][number] | undefined): string {
  if (example === undefined) return ''
  const { at, sourceAddress, method, path, requestId } = example
  const id = requestId === '' ? '' : `request id ${requestId}`
  return [time(at), `from ${sourceAddress}`, method, path, id].filter((part) => part !== '').join(' ')
}

const time = (rfc3339: string): string => moment(Date.parse(rfc3339) * 1000)

/** Each attack with what was made of it, and in the last line what the exit code says too. */
export function judgementText(judgement: Judgement): string {
  const { attacks, unexpected } = judgement
  const width = Math.max(0, ...attacks.map(({ attack }) => attack.name.length))
  const lines = attacks.flatMap(({ attack, incident }) => [
    `  ${incident === undefined ? 'MISSED' : 'found '}  ${attack.name.padEnd(width)}  ${attack.story}`,
    ...(incident === undefined ? [] : [`${' '.repeat(width + 12)}${made(incident)}`]),
  ])
  const surplus = unexpected.flatMap((incident) =>
    wrapped(`UNEXPECTED  ${made(incident)}: ${incident.summary}`, WIDTH).map((line) => `  ${line}`),
  )
  const shown = [...lines, ...surplus]
  return `${[...shown, ...(shown.length > 0 ? [''] : []), verdictText(judgement)].map(harmless).join('\n')}\n`
}

function made({ severity, detector, findings }: Opened): string {
  return `${severity}, by ${detector} in ${counted(findings, 'alarms')}`
}

function verdictText(judgement: Judgement): string {
  const { attacks, unexpected } = judgement
  const found = attacks.filter(({ incident }) => incident !== undefined).length
  const others = counted(unexpected.length, 'incidents')
  const said =
    attacks.length === 0
      ? `nobody attacked, ${unexpected.length === 0 ? 'nothing' : others} opened`
      : `${found} of ${counted(attacks.length, 'attacks')} found, ${unexpected.length === 0 ? 'nothing else opened' : `${others} too many`}`
  return `${passed(judgement) ? 'PASSED' : 'FAILED'}: ${said}.`
}

/** `  label      text`, further lines below the text. */
function below(label: string, lines: string[]): string[] {
  return lines.map((line, at) => `  ${(at === 0 ? label : '').padEnd(LABEL)}${line}`)
}

/** Broken between words into lines of at most `width`; a longer word has a line of its own. */
function wrapped(text: string, width: number): string[] {
  return filled(text.split(' '), ' ', width)
}

function filled(parts: readonly string[], separator: string, width: number): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    if (last === undefined || last.length + separator.length + part.length > width) lines.push(part)
    else lines[lines.length - 1] = `${last}${separator}${part}`
  }
  return lines
}
