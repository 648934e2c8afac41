/** Every channel there is, by the type of its receiver. */
import { createAlertmanager } from './alertmanager.ts'
import { createAlertmanagerWebhook } from './alertmanager-webhook.ts'
import type { Channel, ChannelContext } from './channel.ts'
import type { ReceiverConfig } from './config.ts'
import { createFile } from './file.ts'
import { createOcsf } from './ocsf.ts'
import { createPagerDuty } from './pagerduty.ts'
import { createSlack } from './slack.ts'
import { createStdout } from './stdout.ts'
import { createWebhook } from './webhook.ts'

export function createChannel(config: ReceiverConfig, context: ChannelContext): Channel {
  switch (config.type) {
    case 'webhook':
      return createWebhook(config, context)
    case 'pagerduty':
      return createPagerDuty(config, context)
    case 'slack':
      return createSlack(config, context)
    case 'alertmanager':
      return createAlertmanager(config, context)
    case 'alertmanager_webhook':
      return createAlertmanagerWebhook(config, context)
    case 'ocsf':
      return createOcsf(config, context)
    case 'file':
      return createFile(config, context)
    case 'stdout':
      return createStdout(context)
  }
}
