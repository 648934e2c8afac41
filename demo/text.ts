/** The demo's output: each incident as a person would want to read it, and the verdict at the end. */
import { harmless } from '../core/harmless.ts'
import type { Judgement } from './judge.ts'

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

/** Column at which what is said begins. */
const LABEL = 18

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 })

export function incidentText(message: Message): string {
  const { incident, evidence } = message
  const lines = [`${message.severity.toUpperCase()}: ${message.summary}`]
  const say = (label: string, text: string) => {
    if (text !== '') lines.push(`  ${label.padEnd(LABEL)} ${text}`)
  }
  say('what', `${incident.detector} (${incident.kinds.join(', ')}), opened ${incident.openedAt}`)
  say(
    'seen',
    `${number.format(evidence.observed)} ${evidence.unit}, expected ${number.format(evidence.expected)}${known(evidence.expectedFrom.samples)}`,
  )
  say('verdict', message.verdict)
  for (const [label, value] of Object.entries(evidence.facts).slice(0, 4))
    say(label.replaceAll('_', ' '), String(value))
  const example = evidence.examples[0]
  if (example !== undefined) {
    const call = `${example.method} ${example.path}`.trim()
    say('example', `${example.at} from ${example.sourceAddress} ${call} ${example.requestId}`.replace(/ +/g, ' '))
  }
  say('not seen', evidence.notVisible)
  say('ATT&CK', message.technique)
  return `${lines.map(harmless).join('\n')}\n`
}

function known(samples: number): string {
  return samples > 0 ? ` from ${number.format(samples)} samples` : ''
}

export function judgementText({ attacks, unexpected }: Judgement): string {
  const width = Math.max(0, ...attacks.map(({ attack }) => attack.name.length))
  const lines = attacks.map(({ attack, incident }) =>
    incident === undefined
      ? `  MISSED  ${attack.name.padEnd(width)}  ${attack.story}`
      : `  found   ${attack.name.padEnd(width)}  ${incident.detector}: ${incident.summary}`,
  )
  const surplus = unexpected.map(
    (incident) => `  UNEXPECTED  ${incident.detector} ${incident.severity}: ${incident.summary}`,
  )
  return `${[...lines, ...surplus].map(harmless).join('\n')}\n`
}
