/** Apart from what runs, so that checking a configuration loads no HTTP client. */
import { z } from 'zod'
import { endpointFields, refuseForbiddenAddress } from './notify/endpoint.ts'

export const HeartbeatConfig = z
  .strictObject(endpointFields)
  .superRefine((config, context) => refuseForbiddenAddress(config, context))
export type HeartbeatConfig = z.output<typeof HeartbeatConfig>
