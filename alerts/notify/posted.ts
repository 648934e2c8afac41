/** Configuration of receivers that are posted to and have no rules of their own about who may: signed, or with credentials, or neither. */
import type { z } from 'zod'
import { authorizationOf, type Credentials, credentialFields, refuseTwoCredentials } from './credentials.ts'
import { type Endpoint, endpointFields, refuseForbiddenAddress } from './endpoint.ts'

export const postedFields = {
  ...endpointFields,
  secret: endpointFields.secret.optional(),
  ...credentialFields,
}

type Posted = Endpoint & Credentials

export function refuseUnusable(config: Posted, context: z.RefinementCtx): void {
  refuseForbiddenAddress(config, context)
  refuseTwoCredentials(config, context)
}

export function endpointOf(config: Posted): Endpoint {
  return { ...config, ...authorizationOf(config) }
}
