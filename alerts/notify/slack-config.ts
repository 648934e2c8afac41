import { z } from 'zod'
import { reachFields, refuseForbiddenAddress, Url } from './endpoint.ts'
import { receiverFields } from './receiver.ts'

export const SlackConfig = z
  .strictObject({
    ...receiverFields,
    type: z.literal('slack').describe('How it is told: a Slack channel, by an incoming webhook.'),
    webhookUrl: Url.describe(
      'Address of the incoming webhook, as `${ENV}` or `file:`. Whoever knows it can post: it is kept secret.',
    ),
    ...reachFields,
  })
  .superRefine(({ webhookUrl, allowRanges }, context) =>
    refuseForbiddenAddress({ url: webhookUrl, allowRanges }, context, 'webhookUrl'),
  )
export type SlackConfig = z.output<typeof SlackConfig>
