/**
 * An open incident that explains others holds them back: a destination that is gone, the errors of its callers. Memory: the labels of open
 * incidents that match a rule's source, which are bounded as incidents are.
 */
import type { IncidentRecord } from '../../storage/incident-records.ts'
import type { Label, Labels } from '../labels.ts'
import { type Matcher, parseMatcher, someMatch } from '../matcher.ts'
import type { InhibitRule } from './config.ts'

interface Rule {
  source: readonly Matcher[]
  target: readonly Matcher[]
  equal: readonly Label[]
}

export class Inhibition {
  readonly #rules: readonly Rule[]
  /** Sources by incident id, for each rule. */
  readonly #sources: Map<string, Labels>[]

  constructor(rules: readonly InhibitRule[]) {
    this.#rules = rules.map(({ source, target, equal }) => ({
      source: source.map(parseMatcher),
      target: target.map(parseMatcher),
      equal,
    }))
    this.#sources = rules.map(() => new Map())
  }

  /** A change of an incident. */
  observe({ id, status }: IncidentRecord, labels: Labels): void {
    for (const [i, { source }] of this.#rules.entries()) {
      if (status === 'open' && someMatch(source, labels)) this.#sources[i]!.set(id, labels)
      else this.#sources[i]!.delete(id)
    }
  }

  /** Id of an open incident that holds this one back; undefined where none does. One that is a source itself is not held back by that rule. */
  holds(id: string, labels: Labels): string | undefined {
    for (const [i, { target, equal }] of this.#rules.entries()) {
      const sources = this.#sources[i]!
      if (sources.size === 0 || sources.has(id) || !someMatch(target, labels)) continue
      for (const [source, own] of sources)
        if (equal.every((label) => haveCommon(own[label], labels[label]))) return source
    }
    return undefined
  }
}

function haveCommon(a: readonly string[], b: readonly string[]): boolean {
  return a.some((value) => b.includes(value))
}
