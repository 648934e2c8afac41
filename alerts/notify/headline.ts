/** A notice in one line of plain text, as it stands in a list of alerts or on a phone's screen. */
import { counted } from '../../detectors/wording.ts'
import type { GroupNotice, News, Notice } from './channel.ts'
import { plain } from './plain.ts'

/** What happened, in the order in which a list of them is told. */
const HAPPENED: readonly [News['reason'], string][] = [
  ['first', 'new'],
  ['changed', 'changed'],
  ['acknowledged', 'acknowledged'],
  ['repeat', 'still open'],
  ['resolved', 'resolved'],
]

export function headline(notice: Notice, max: number): string {
  if (notice.type === 'summary') {
    const changes = counted(notice.summary.changes, 'change')
    return `${changes} of incidents in one message, because too many were waiting`
  }
  const { news, others } = notice
  const [worst] = news
  if (news.length === 1 && others === 0) return plain(`${lead(worst)}${worst.record.summary}`, max)
  return plain(`${counted(news.length + others, 'incident')} (${whatHappened(notice)}): ${worst.record.summary}`, max)
}

/** Before the sentence of a single incident; a new one needs no word. */
function lead({ reason, record }: News): string {
  if (reason === 'first') return record.reopened > 0 ? 'Again: ' : ''
  if (reason === 'acknowledged') return `Acknowledged by ${record.acknowledgedBy}: `
  const word = HAPPENED.find(([one]) => one === reason)![1]
  return `${word[0]!.toUpperCase()}${word.slice(1)}: `
}

function whatHappened({ news, others }: GroupNotice): string {
  const counts = HAPPENED.map(([reason, word]) => ({ word, count: news.filter((one) => one.reason === reason).length }))
  const told = counts.filter(({ count }) => count > 0).map(({ word, count }) => `${count} ${word}`)
  return [...told, ...(others > 0 ? [`${others} more`] : [])].join(', ')
}
