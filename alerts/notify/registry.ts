/** Every channel there is, by the type of its receiver. */
import type { Channel } from './channel.ts'
import type { ReceiverConfig } from './config.ts'
import { createWebhook } from './webhook.ts'

export function createChannel(config: ReceiverConfig): Channel {
  switch (config.type) {
    case 'webhook':
      return createWebhook(config)
  }
}
