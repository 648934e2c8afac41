/** `eastwatch silences`: what is muted, and until when. */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { Taken } from '../../alerts/api/take.ts'
import { moment } from '../../alerts/words.ts'
import { harmless } from '../../core/harmless.ts'
import { API_OPTIONS, apiClient, whenItShows } from '../api-client.ts'
import { type Run, UsageError } from '../command.ts'
import { table } from '../table.ts'

const List = z.object({
  silences: z.array(
    z.object({
      id: z.string(),
      matchers: z.array(z.string()),
      endsAt: z.number(),
      createdBy: z.string(),
      reason: z.string(),
    }),
  ),
})
const MINUTES = { m: 1, h: 60, d: 1440 } as const

export const run: Run = async (args, around) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...API_OPTIONS, reason: { type: 'string' }, for: { type: 'string' } },
  })
  const [verb = 'list', ...rest] = positionals
  const api = apiClient(values, around)
  let answer: unknown
  let text: string
  if (verb === 'list' && rest.length === 0) {
    answer = await api.get('/silences')
    text = listText(List.parse(answer))
  } else if (verb === 'add' && rest.length > 0) {
    if (values.reason === undefined || values.for === undefined) throw new UsageError('--for and --reason are needed')
    answer = await api.act('POST', '/silences', {
      matchers: rest,
      minutes: minutesOf(values.for),
      reason: values.reason,
    })
    text = `silence ${Taken.parse(answer).action} is in force, for ${values.for}${whenItShows(answer)}\n`
  } else if (verb === 'end' && rest.length === 1) {
    answer = await api.act('DELETE', `/silences/${encodeURIComponent(rest[0]!)}`)
    text = `silence ${harmless(rest[0]!)} is ended${whenItShows(answer)}\n`
  } else throw new UsageError('say list, add with matchers, or end with one id')
  around.out(values.json ? `${JSON.stringify(answer)}\n` : text)
  return 0
}

function minutesOf(text: string): number {
  const match = /^(\d{1,5})([mhd])$/.exec(text)
  if (match === null) throw new UsageError(`--for ${text}: write it as 30m, 4h or 7d`)
  return Number(match[1]) * MINUTES[match[2] as keyof typeof MINUTES]
}

function listText({ silences }: z.output<typeof List>): string {
  if (silences.length === 0) return 'no silences\n'
  const rows = silences.map(({ id, matchers, endsAt, createdBy, reason }) => [
    id,
    moment(endsAt * 1000),
    createdBy,
    matchers.join(' '),
    reason,
  ])
  return table(['ID', 'UNTIL', 'BY', 'MUTES', 'WHY'], rows)
}
