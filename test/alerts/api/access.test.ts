import { describe, expect, it } from 'vitest'
import { Access, CSRF_HEADER, LOCAL, SESSION_COOKIE, SESSION_SECONDS } from '../../../alerts/api/access.ts'
import { makeToken } from '../../../alerts/api/tokens.ts'

const ada = makeToken()
const TOKENS = [{ name: 'ada', role: 'operator' as const, namespaces: ['shop'], sha256: ada.sha256 }]
const ADA = { name: 'ada', role: 'operator', namespaces: ['shop'] }
const cookie = (value: string) => ({ headers: { cookie: `other=1; ${SESSION_COOKIE}=${value}` } })

describe('who asks', () => {
  it('is known by a token', () => {
    const access = new Access(TOKENS)
    const request = { headers: { authorization: `Bearer ${ada.token}` } }
    const visitor = access.visitor(request)
    expect(visitor).toEqual({ actor: ADA, csrf: undefined })
    expect(() => access.requireOwnPage(visitor, request)).not.toThrow()
  })

  it.each([
    ['no token', {}],
    ['another token', { authorization: `Bearer ${makeToken().token}` }],
    ['the hash', { authorization: `Bearer ${ada.sha256}` }],
    ['no bearer', { authorization: `Basic ${ada.token}` }],
    ['a long one', { authorization: `Bearer ewt_${'a'.repeat(10_000)}` }],
    ['a made-up session', { cookie: `${SESSION_COOKIE}=${Buffer.from('ada|9999999999|x').toString('base64url')}.xx` }],
    ['an odd session', { cookie: `${SESSION_COOKIE}=.` }],
  ])('is nobody with %s', (_, headers) => {
    expect(() => new Access(TOKENS).visitor({ headers })).toThrow(/token/)
  })

  it('is known by a session, for half a day, in every process, until the token is taken out', () => {
    let now = 1_000_000
    const access = new Access(TOKENS, () => now)
    const session = access.logIn(ada.token)!
    expect(session).not.toContain(ada.token)
    expect(new Access(TOKENS, () => now).visitor(cookie(session)).actor).toEqual(ADA)
    expect(() =>
      new Access([{ ...TOKENS[0]!, sha256: makeToken().sha256 }], () => now).visitor(cookie(session)),
    ).toThrow()
    expect(() => access.visitor(cookie(`${session.slice(0, -1)}${session.endsWith('A') ? 'B' : 'A'}`))).toThrow()
    now += SESSION_SECONDS
    expect(() => access.visitor(cookie(session))).toThrow()
    expect(access.logIn('ewt_wrong')).toBeUndefined()
  })

  it('acts from the page itself only, where a browser sends the cookie by itself', () => {
    const access = new Access(TOKENS)
    const session = access.logIn(ada.token)!
    const visitor = access.visitor(cookie(session))
    expect(() => access.requireOwnPage(visitor, cookie(session))).toThrow(CSRF_HEADER)
    expect(() => access.requireOwnPage(visitor, { headers: { [CSRF_HEADER]: visitor.csrf! } })).not.toThrow()
    const other = access.visitor(cookie(access.logIn(ada.token)!))
    expect(() => access.requireOwnPage(visitor, { headers: { [CSRF_HEADER]: other.csrf! } })).toThrow()
  })

  it('is local where no token is configured, and acts from the page only', () => {
    const access = new Access([])
    const visitor = access.visitor({ headers: {} })
    expect(visitor.actor).toEqual(LOCAL)
    expect(LOCAL.role).toBe('operator')
    expect(() => access.requireOwnPage(visitor, { headers: {} })).toThrow(CSRF_HEADER)
    expect(new Access([]).visitor({ headers: {} }).csrf).not.toBe(visitor.csrf)
  })
})
