/** Severities and states as people see them: a word and a sign, with the colour beside them. */
import { h } from './dom.ts'

const SEVERITY_SIGNS: Readonly<Record<string, string>> = { critical: '▲', high: '◆', warning: '●', info: '○' }

export const SEVERITIES = ['critical', 'high', 'warning', 'info'] as const
export const STATES = ['open', 'acknowledged', 'silenced', 'resolved'] as const

export function severityBadge(severity: string): HTMLElement {
  const known = Object.hasOwn(SEVERITY_SIGNS, severity)
  const sign = h('span', { 'aria-hidden': 'true' }, known ? `${SEVERITY_SIGNS[severity]} ` : '')
  return h('span', { class: `severity ${known ? severity : ''}` }, sign, severity)
}

export function stateBadge(state: string): HTMLElement {
  return h('span', { class: `state ${STATES.includes(state as 'open') ? state : ''}` }, state)
}
