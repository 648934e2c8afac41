/** How the states of a path are called and marked: a word, a sign and a line of its own each, so that colour alone says nothing. */
import type { PathState } from '../data/path-state.ts'
import { count } from './format.ts'

export interface StateWords {
  word: string
  sign: string
  /** For the legend. */
  about: string
}

export const STATE_WORDS: Readonly<Record<PathState, StateWords>> = {
  outside: { word: 'not allowed', sign: '▲', about: 'answered although no policy allows it' },
  denied: { word: 'denied', sign: '⊘', about: 'refused by a policy' },
  failing: { word: 'failing', sign: '✕', about: 'a handshake failed, or 5 % of the requests and more' },
  plaintext: { word: 'plaintext', sign: '◇', about: 'not encrypted' },
  new: { word: 'new', sign: '✚', about: 'seen for the first time' },
  undecided: { word: 'undecided', sign: '?', about: 'no declared policy decides it' },
  authorised: { word: 'authorised', sign: '✓', about: 'allowed by a declared policy' },
}

/** The worst first, as the server has them. */
export const STATES = Object.keys(STATE_WORDS) as PathState[]

export interface Totals {
  requests: number
  denied: number
  plaintext: number
  errors: number
  tlsFailures: number
  outside: number
}

/** `⊘ denied 90`. */
export function stateText(state: PathState, totals: Totals): string {
  const { word, sign } = STATE_WORDS[state]
  const many: Partial<Record<PathState, number>> = {
    outside: totals.outside,
    denied: totals.denied,
    failing: totals.errors + totals.tlsFailures,
    plaintext: totals.plaintext,
  }
  const value = many[state]
  return value === undefined ? `${sign} ${word}` : `${sign} ${word} ${count(value)}`
}
