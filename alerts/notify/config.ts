/** What a receiver of each kind is configured by. Adding a kind: its file, its line here and in registry.ts. */
import { z } from 'zod'
import { AlertmanagerConfig } from './alertmanager-config.ts'
import { AlertmanagerWebhookConfig } from './alertmanager-webhook-config.ts'
import { FileConfig } from './file-config.ts'
import { OcsfConfig } from './ocsf-config.ts'
import { PagerDutyConfig } from './pagerduty-config.ts'
import { SlackConfig } from './slack-config.ts'
import { StdoutConfig } from './stdout-config.ts'
import { WebhookConfig } from './webhook-config.ts'

export const ReceiverConfig = z.discriminatedUnion('type', [
  WebhookConfig,
  PagerDutyConfig,
  SlackConfig,
  AlertmanagerConfig,
  AlertmanagerWebhookConfig,
  OcsfConfig,
  FileConfig,
  StdoutConfig,
])
export type ReceiverConfig = z.output<typeof ReceiverConfig>
