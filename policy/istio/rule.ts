/** A rule of an AuthorizationPolicy as a test: any `from`, and any `to`, and every `when`. */
import type { Action, Fields, Rule } from './authorization-policy.ts'
import { type Condition, condition, type PolicyContext, type Test } from './conditions.ts'
import { both, every, not, some } from './ternary.ts'

/** Field of a source or operation, without its `not`, to the attribute it looks at. */
const ATTRIBUTES = new Map([
  ['principals', 'source.principal'],
  ['requestPrincipals', 'request.auth.principal'],
  ['namespaces', 'source.namespace'],
  ['serviceAccounts', 'source.serviceAccount'],
  ['trustDomains', 'source.trustDomain'],
  ['ipBlocks', 'source.ip'],
  ['remoteIpBlocks', 'remote.ip'],
  ['hosts', 'host'],
  ['methods', 'method'],
  ['paths', 'path'],
  ['ports', 'destination.port'],
])

interface RuleConditions {
  from: Condition[][]
  to: Condition[][]
  when: Condition[]
}

export interface RuleTests {
  http: Test
  tcp: Test
}

/** Which attributes the rule looks at: calls that differ in no other are decided alike. */
export function attributesOf({ from, to, when }: Rule): string[] {
  const fields = [...from, ...to].flatMap((each) => Object.keys(each).filter((field) => each[field]!.length > 0))
  return [...fields.map((field) => parseField(field).attribute), ...when.map(({ key }) => key)]
}

export function compileRule(rule: Rule, action: Action, context: PolicyContext): RuleTests {
  const conditions: RuleConditions = {
    from: rule.from.map((fields) => ofFields(fields, context)),
    to: rule.to.map((fields) => ofFields(fields, context)),
    when: rule.when.flatMap(({ key, values, notValues }) => valueConditions(key, values, notValues, context)),
  }
  return { http: testOf(conditions), tcp: testOfTcp(conditions, action) }
}

function testOf({ from, to, when }: RuleConditions): Test {
  return (query) => {
    const holds = ({ test }: Condition) => test(query)
    const any = (items: Condition[][]) => items.length === 0 || some(items, (item) => every(item, holds))
    return both(both(any(from), any(to)), every(when, holds))
  }
}

function testOfTcp({ from, to, when }: RuleConditions, action: Action): Test {
  const isHttp = ({ httpOnly }: Condition) => httpOnly
  if (action === 'ALLOW' && [...from.flat(), ...to.flat(), ...when].some(isHttp)) return () => false
  const without = (conditions: Condition[]) => conditions.filter((each) => !isHttp(each))
  return testOf({ from: from.map(without), to: to.map(without), when: without(when) })
}

function ofFields(fields: Fields, context: PolicyContext): Condition[] {
  return Object.entries(fields).flatMap(([field, values]) => {
    const { attribute, negated } = parseField(field)
    return negated ? valueConditions(attribute, [], values, context) : valueConditions(attribute, values, [], context)
  })
}

/** `notPaths` is `path` negated. A field not known here names an attribute that nothing can tell. */
function parseField(field: string): { attribute: string; negated: boolean } {
  const negated = /^not[A-Z]/.test(field)
  const bare = negated ? field[3]!.toLowerCase() + field.slice(4) : field
  return { attribute: ATTRIBUTES.get(bare) ?? `field ${bare}`, negated }
}

/** No values, no constraint. */
function valueConditions(
  attribute: string,
  values: readonly string[],
  notValues: readonly string[],
  context: PolicyContext,
): Condition[] {
  const conditions: Condition[] = []
  if (values.length > 0) conditions.push(condition(attribute, values, context))
  if (notValues.length > 0) {
    const { test, httpOnly } = condition(attribute, notValues, context)
    conditions.push({ httpOnly, test: (query) => not(test(query)) })
  }
  return conditions
}
