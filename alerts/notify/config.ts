/** What a receiver of each kind is configured by. Adding a kind: its file, its line here and in registry.ts. */
import { z } from 'zod'
import { WebhookConfig } from './webhook-config.ts'

export const ReceiverConfig = z.discriminatedUnion('type', [WebhookConfig])
export type ReceiverConfig = z.output<typeof ReceiverConfig>
