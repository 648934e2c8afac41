import { z } from 'zod'
import { reachFields, refuseForbiddenAddress, Url } from './endpoint.ts'
import { receiverFields } from './receiver.ts'

export const PagerDutyConfig = z
  .strictObject({
    ...receiverFields,
    type: z.literal('pagerduty').describe('How it is told: PagerDuty, by its Events API v2.'),
    routingKey: z
      .string()
      .regex(/^[A-Za-z0-9]{32}$/, 'is no integration key: those have 32 letters and digits')
      .describe('Integration key of the service or of the event orchestration, as `${ENV}` or `file:`.'),
    url: Url.default('https://events.pagerduty.com/v2/enqueue').describe(
      'Where events are posted; `https://events.eu.pagerduty.com/v2/enqueue` for accounts of the EU region.',
    ),
    ...reachFields,
  })
  .superRefine((config, context) => refuseForbiddenAddress(config, context))
export type PagerDutyConfig = z.output<typeof PagerDutyConfig>
