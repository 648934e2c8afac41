/** `eastwatch incidents`: what is open, and what is done about it. */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { IncidentAnswer } from '../../alerts/api/incident-answer.ts'
import { moment } from '../../alerts/words.ts'
import { harmless } from '../../core/harmless.ts'
import { API_OPTIONS, apiClient, whenItShows } from '../api-client.ts'
import { type Run, UsageError } from '../command.ts'
import { table } from '../table.ts'

const List = z.object({ incidents: z.array(IncidentAnswer), more: z.boolean() })
const Shown = IncidentAnswer.extend({
  evidence: z.looseObject({ sql: z.string(), blind: z.string() }),
  audit: z.array(z.object({ at: z.number(), actor: z.string(), action: z.string(), detail: z.string() })),
  notifications: z.array(
    z.object({ at: z.number(), receiver: z.string(), reason: z.string(), status: z.string(), detail: z.string() }),
  ),
})
const OPEN = 'open,acknowledged,silenced'
const SUMMARY_WIDTH = 90
const DID = { acknowledge: 'acknowledged', resolve: 'resolved', accept: 'accepted as normal' } as const

export const run: Run = async (args, around) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...API_OPTIONS,
      state: { type: 'string', default: OPEN },
      reason: { type: 'string' },
      days: { type: 'string' },
    },
  })
  const [verb = 'list', id, ...more] = positionals
  const api = apiClient(values, around)
  if (verb === 'list' && id === undefined) {
    const answer = await api.get(`/incidents?state=${encodeURIComponent(values.state)}`)
    around.out(values.json ? `${JSON.stringify(answer)}\n` : listText(List.parse(answer)))
    return 0
  }
  if (id === undefined || more.length > 0)
    throw new UsageError('say list, or show, acknowledge, resolve or accept with one id')
  const path = `/incidents/${encodeURIComponent(id)}`
  if (verb === 'show') {
    const answer = await api.get(path)
    around.out(values.json ? `${JSON.stringify(answer)}\n` : shownText(Shown.parse(answer)))
    return 0
  }
  if (!isAction(verb)) throw new UsageError('say list, or show, acknowledge, resolve or accept with one id')
  if (values.reason === undefined) throw new UsageError('--reason is needed: it stands in the audit')
  const days = verb === 'accept' && values.days !== undefined ? { days: Number(values.days) } : {}
  const answer = await api.act('POST', `${path}/${verb}`, { reason: values.reason, ...days })
  around.out(values.json ? `${JSON.stringify(answer)}\n` : `${harmless(id)} is ${DID[verb]}${whenItShows(answer)}\n`)
  return 0
}

function isAction(verb: string): verb is keyof typeof DID {
  return Object.hasOwn(DID, verb)
}

function listText({ incidents, more }: z.output<typeof List>): string {
  if (incidents.length === 0) return 'no incidents\n'
  const rows = incidents.map(({ id, severity, state, updatedAt, summary }) => [
    id,
    severity,
    state,
    moment(updatedAt * 1000),
    summary.length > SUMMARY_WIDTH ? `${summary.slice(0, SUMMARY_WIDTH - 1)}…` : summary,
  ])
  const rest = more ? 'there are more; --json shows up to 1,000 by the API, --state narrows them\n' : ''
  return table(['ID', 'SEVERITY', 'STATE', 'CHANGED', 'SUMMARY'], rows) + rest
}

function shownText(incident: z.output<typeof Shown>): string {
  const { severity, state, summary, evidence, audit, notifications } = incident
  const facts = [
    ['state', state === 'acknowledged' ? `acknowledged by ${incident.acknowledgedBy}` : state],
    ['found by', `${incident.detector} (${incident.kinds.join(', ')})`],
    ['from', incident.sources.join(', ')],
    ['to', incident.destinations.join(', ')],
    ['verdict', incident.verdict],
    ['opened', moment(incident.openedAt * 1000)],
    ['silenced', incident.silencedBy === '' ? '' : `until ${moment(incident.silencedUntil * 1000)}`],
    ['not seen', evidence.blind],
    ['ask', evidence.sql],
  ]
  const lines = facts.filter(([, text]) => text !== '').map(([label, text]) => `${label!.padEnd(9)}  ${text}`)
  const done = audit.map(({ at, actor, action, detail }) => `${moment(at * 1000)}  ${actor}  ${action}: ${detail}`)
  const told = notifications.map(
    ({ at, receiver, reason, status, detail }) =>
      `${moment(at * 1000)}  ${receiver}  ${reason} ${status}${detail === '' ? '' : `: ${detail}`}`,
  )
  const parts = [`${severity.toUpperCase()}  ${summary}`, ...lines]
  if (done.length > 0) parts.push('', 'What people did', ...done)
  if (told.length > 0) parts.push('', 'Who was told', ...told)
  return `${parts.map(harmless).join('\n')}\n`
}
