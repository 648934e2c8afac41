/** Configuration that everything that is posted to shares: address, signing secret, allowed ranges, authority, time limit. */
import { z } from 'zod'
import { requireCertificates } from '../../core/config/pem.ts'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { ranges, refuseLiteral } from '../address-guard.ts'
import { Secret } from './signature.ts'

export const Url = z
  .string()
  .max(2_048)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    message: 'not an http:// or https:// address',
  })
  .refine((text) => !URL.canParse(text) || (new URL(text).username === '' && new URL(text).password === ''), {
    message: 'must not hold a user name or password',
  })

const Ranges = z
  .array(z.string())
  .max(64)
  .superRefine((cidrs, context) => {
    for (const [index, cidr] of cidrs.entries()) {
      try {
        ranges([cidr])
      } catch (error) {
        context.addIssue({ code: 'custom', path: [index], message: messageOf(error) })
      }
    }
  })

/** Which addresses a receiver may have and how it is believed. */
export const reachFields = {
  allowRanges: Ranges.default([]).describe(
    'Address ranges this receiver may be in although they are not public, such as 127.0.0.0/8 or 10.20.0.0/16.',
  ),
  ca: z
    .string()
    .superRefine(requireCertificates)
    .optional()
    .describe(
      "Certificates in PEM of the authority that signed this receiver's certificate; `file:<path>` reads them from a file. Absent, public authorities are trusted.",
    ),
  timeoutMs: z
    .number()
    .int()
    .min(100)
    .max(60_000)
    .default(10_000)
    .describe('Time for one attempt, from resolving the name to the end of the answer.'),
}

export const endpointFields = {
  url: Url.describe('Where to post, http:// or https://. Never resolved through a proxy, redirects are not followed.'),
  secret: Secret,
  ...reachFields,
}

export interface Endpoint {
  url: string
  /** Signs what is posted; absent where the receiver has rules of its own. */
  secret?: string | undefined
  /** Of the header of that name. */
  authorization?: string | undefined
  /** Further texts that no message may show, were the receiver to repeat them. */
  hidden?: readonly string[]
  allowRanges: readonly string[]
  /** In PEM; where absent, what Node trusts by itself. */
  ca?: string | undefined
  timeoutMs: number
}

/** An address given as such can be judged at start; a name only when it is resolved. */
export function refuseForbiddenAddress(
  endpoint: Pick<Endpoint, 'url' | 'allowRanges'>,
  context: z.RefinementCtx,
  key = 'url',
): void {
  try {
    const { hostname } = new URL(endpoint.url)
    refuseLiteral(hostname, ranges(endpoint.allowRanges))
  } catch (error) {
    if (error instanceof PipelineError) context.addIssue({ code: 'custom', path: [key], message: error.message })
  }
}
