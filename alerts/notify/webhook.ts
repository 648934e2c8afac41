/** Channel `webhook`: the message of message.ts as JSON, signed by the Standard Webhooks scheme. */
import { z } from 'zod'
import type { Channel } from './channel.ts'
import { endpointFields, refuseForbiddenAddress } from './endpoint.ts'
import { messageBody } from './message.ts'
import { post } from './post.ts'
import { receiverFields } from './receiver.ts'

export const WebhookConfig = z
  .strictObject({
    ...receiverFields,
    type: z.literal('webhook').describe('How it is told: a signed webhook.'),
    ...endpointFields,
  })
  .superRefine(refuseForbiddenAddress)
export type WebhookConfig = z.output<typeof WebhookConfig>

export function createWebhook(config: WebhookConfig): Channel {
  return {
    async send(notice, seconds, signal) {
      await post(config, { id: notice.id, body: messageBody(notice), seconds }, signal)
    },
  }
}
