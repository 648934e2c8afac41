/**
 * Standard Webhooks signatures, version 1 (https://www.standardwebhooks.com, specification section "Signature scheme"):
 * HMAC-SHA256 over `id.timestamp.body`, base64. Several secrets give several signatures, so that they can be rotated.
 */
import { createHmac } from 'node:crypto'
import { z } from 'zod'

const PREFIX = 'whsec_'

/** One secret, or several separated by spaces while rotating; each `whsec_` and base64 of 24 to 64 bytes. */
export const Secret = z
  .string()
  .refine((text) => text.trim() !== '' && text.trim().split(/\s+/).every(isSecret), {
    message: `not a signing secret: ${PREFIX} and then base64 of 24 to 64 random bytes, several separated by spaces`,
  })
  .describe(
    'Signing secret: `whsec_` and base64 of 24 to 64 random bytes, as `${ENV}` or `file:`. Several, separated by spaces, sign each message while receivers change over.',
  )

function isSecret(text: string): boolean {
  const base64 = text.slice(PREFIX.length)
  const bytes = Buffer.from(base64, 'base64')
  return (
    text.startsWith(PREFIX) &&
    bytes.length >= 24 &&
    bytes.length <= 64 &&
    bytes.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '')
  )
}

/** Headers of one attempt. `id` stays the same over retries; `seconds` is this attempt's time, seconds since the epoch. */
export function signedHeaders(secret: string, id: string, seconds: number, body: Buffer): Record<string, string> {
  const signatures = secret
    .trim()
    .split(/\s+/)
    .map((one) => {
      const key = Buffer.from(one.slice(PREFIX.length), 'base64')
      return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64')}`
    })
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signatures.join(' ') }
}
