/** Who may use the API and the console. */
import { z } from 'zod'
import { ROLES } from '../../core/action.ts'

export const TokenConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_.@-]{1,64}$/, 'a name is 1 to 64 letters, digits, _, ., @ or -')
    .describe('Whose it is: stands in the audit and beside what was done with it.'),
  role: z
    .enum(ROLES)
    .default('reader')
    .describe(
      'A reader looks; an operator acknowledges, resolves, accepts and silences; an admin also silences what speaks of a false or stolen identity.',
    ),
  namespaces: z
    .array(z.string().min(1).max(253))
    .max(64)
    .default([])
    .describe('Sees only what touches these namespaces, and acts only on what is wholly within them. Empty: all.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'not 64 hex digits; eastwatch token makes them')
    .describe(
      'SHA-256 of the token, in lower-case hex; eastwatch token shows the token itself once, and nobody keeps it.',
    ),
})
export type TokenConfig = z.output<typeof TokenConfig>
