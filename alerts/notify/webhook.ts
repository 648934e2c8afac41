/** Channel `webhook`: the message of message.ts as JSON, signed by the Standard Webhooks scheme. */
import type { Channel, ChannelContext } from './channel.ts'
import { messageBody } from './message.ts'
import { post } from './post.ts'
import type { WebhookConfig } from './webhook-config.ts'

export function createWebhook(config: WebhookConfig, { consoleUrl }: ChannelContext): Channel {
  return {
    async send(notice, seconds, signal) {
      await post(config, { id: notice.id, body: messageBody(notice, consoleUrl), seconds }, signal)
    },
  }
}
