/** Every channel there is. Adding one: its file, its line in each of the two lists. */
import { z } from 'zod'
import type { Channel } from './channel.ts'
import { createWebhook, WebhookConfig } from './webhook.ts'

export const ReceiverConfig = z.discriminatedUnion('type', [WebhookConfig])
export type ReceiverConfig = z.output<typeof ReceiverConfig>

export function createChannel(config: ReceiverConfig): Channel {
  switch (config.type) {
    case 'webhook':
      return createWebhook(config)
  }
}
