/** What came of a person's action, as it stands in the audit before the person's own words. */
import type { AuditRecord } from '../storage/incident-records.ts'
import { clip } from './clip.ts'
import { MAX_REASON } from './silences.ts'

export const DONE = 'done'

export function auditDetail(outcome: string, reason: string): AuditRecord['detail'] {
  return clip(`${outcome}. ${reason}`, MAX_REASON)
}

/** The outcome out of such a text; all of it where the words behind were cut. */
export function outcomeOf(detail: string, reason: string): string {
  const words = `. ${reason}`
  if (detail.startsWith(`${DONE}. `)) return DONE
  return detail.endsWith(words) ? detail.slice(0, -words.length) : detail
}
