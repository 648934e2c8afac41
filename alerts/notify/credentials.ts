/** How a receiver that asks for it is told who sends: a token, or a name and a password. */
import { z } from 'zod'
import type { Endpoint } from './endpoint.ts'

const SECRET_TEXT = /^[\x21-\x7e]+$/

export const credentialFields = {
  bearerToken: z
    .string()
    .max(8_192)
    .regex(SECRET_TEXT, 'must be of visible ASCII characters, without spaces')
    .optional()
    .describe('Token that is sent as `Authorization: Bearer`, as `${ENV}` or `file:`.'),
  basicAuth: z
    .strictObject({
      username: z
        .string()
        .min(1)
        .max(256)
        .regex(/^[^:]*$/, 'must not hold a colon')
        .describe('Name of the user.'),
      password: z.string().min(1).max(1_024).describe('Password of the user, as `${ENV}` or `file:`.'),
    })
    .optional()
    .describe('Name and password that are sent as `Authorization: Basic`. Not together with bearerToken.'),
}

export interface Credentials {
  bearerToken?: string | undefined
  basicAuth?: { username: string; password: string } | undefined
}

export function refuseTwoCredentials({ bearerToken, basicAuth }: Credentials, context: z.RefinementCtx): void {
  if (bearerToken === undefined || basicAuth === undefined) return
  context.addIssue({ code: 'custom', path: ['basicAuth'], message: 'give either bearerToken or basicAuth, not both' })
}

/** The part of an endpoint that proves who sends. */
export function authorizationOf({ bearerToken, basicAuth }: Credentials): Pick<Endpoint, 'authorization' | 'hidden'> {
  if (bearerToken !== undefined) return { authorization: `Bearer ${bearerToken}`, hidden: [bearerToken] }
  if (basicAuth === undefined) return {}
  const { username, password } = basicAuth
  const encoded = Buffer.from(`${username}:${password}`).toString('base64')
  return { authorization: `Basic ${encoded}`, hidden: [encoded, password] }
}
