/**
 * Bearer tokens: 256 random bits, of which the configuration has the hash only. A plain hash is enough, as nobody can try them all.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Actor } from '../../core/action.ts'
import type { TokenConfig } from './config.ts'

const PREFIX = 'ewt_'
const FORM = /^ewt_[A-Za-z0-9_-]{43}$/

export function makeToken(): { token: string; sha256: string } {
  const token = PREFIX + randomBytes(32).toString('base64url')
  return { token, sha256: sha256Of(token) }
}

function sha256Of(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Whose token it is; undefined where it is nobody's. */
export function actorOf(token: string, tokens: readonly TokenConfig[]): Actor | undefined {
  if (!FORM.test(token)) return undefined
  const sha256 = Buffer.from(sha256Of(token))
  const found = tokens.find((one) => timingSafeEqual(Buffer.from(one.sha256), sha256))
  return found && { name: found.name, role: found.role, namespaces: found.namespaces }
}
