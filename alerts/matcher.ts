/**
 * Matchers of routes, silences and inhibition, written as in Alertmanager: `severity="critical"`, `destination_namespace=~"shop|ledger"`,
 * `source!=...`, `source!~...`. An expression must match the whole value. Expressions are RE2's, which take time linear in the text:
 * operators write them, and telemetry writes what they are matched with.
 */
import { RE2JS } from 're2js'
import { messageOf, PipelineError } from '../core/errors.ts'
import { LABELS, type Label, type Labels } from './labels.ts'

export const MAX_MATCHERS = 8
export const MAX_MATCHER_LENGTH = 512
/** Holds what counted repetition such as `(a{1000}){1000}` may grow into. */
const MAX_PROGRAM = 400

export interface Matcher {
  label: Label
  /** True for `!=` and `!~`. */
  negative: boolean
  test(value: string): boolean
}

const FORM = /^\s*([a-z_]+)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s][^"]*?)?)\s*$/s

/** Throws `config` with what is wrong and what to write. */
export function parseMatcher(text: string): Matcher {
  if (text.length > MAX_MATCHER_LENGTH) {
    throw new PipelineError('config', `a matcher has at most ${MAX_MATCHER_LENGTH} characters`)
  }
  const match = FORM.exec(text)
  if (match === null) {
    throw new PipelineError('config', `${JSON.stringify(text)} is no matcher; write for example severity="critical"`)
  }
  const [, name, operator, quoted, bare] = match
  const label = LABELS.find((known) => known === name)
  if (label === undefined) {
    throw new PipelineError('config', `an incident has no label ${JSON.stringify(name)}, only ${LABELS.join(', ')}`)
  }
  const value = quoted === undefined ? (bare ?? '') : quoted.replace(/\\(["\\])/g, '$1')
  const negative = operator!.startsWith('!')
  if (!operator!.endsWith('~')) return { label, negative, test: (candidate) => candidate === value }
  const expression = compile(value)
  return { label, negative, test: (candidate) => expression.matches(candidate) }
}

/** `=` and `=~` hold where one of the incident's values matches, `!=` and `!~` where none does. */
export function someMatch(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every(({ label, negative, test }) => labels[label].some(test) !== negative)
}

/** Of a silence: it must speak of all that the incident is about, not just of some of it. */
export function allMatch(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every(({ label, negative, test }) => labels[label].every((value) => test(value) !== negative))
}

function compile(text: string): RE2JS {
  try {
    const expression = RE2JS.compile(text, RE2JS.DOTALL)
    if (expression.programSize() > MAX_PROGRAM) throw new Error('it is too large')
    return expression
  } catch (error) {
    throw new PipelineError('config', `${JSON.stringify(text)} is no expression of RE2's: ${messageOf(error)}`)
  }
}
