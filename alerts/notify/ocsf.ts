/** Channel `ocsf`: an array of OCSF Detection Findings, one for each incident with news, in one POST. */
import type { Channel, ChannelContext, Notice } from './channel.ts'
import { fitted } from './fitted.ts'
import type { OcsfConfig } from './ocsf-config.ts'
import { findingOf, stormFinding } from './ocsf-finding.ts'
import { jsonText } from './plain.ts'
import { post } from './post.ts'
import { endpointOf } from './posted.ts'

const MAX_BODY_BYTES = 512 * 1024

export function createOcsf(config: OcsfConfig, context: ChannelContext): Channel {
  const endpoint = endpointOf(config)
  return {
    async send(notice, seconds, signal) {
      await post(
        endpoint,
        { id: notice.id, body: findingsBody(notice, context), seconds, reason: (text) => text },
        signal,
      )
    },
  }
}

/** The findings of a notice, as JSON. */
export function findingsBody(notice: Notice, context: ChannelContext): Buffer {
  if (notice.type === 'summary') return Buffer.from(jsonText([stormFinding(notice, context)]))
  return fitted(MAX_BODY_BYTES, notice, (news, _others, cut) =>
    news.map((one) => findingOf(one, { key: notice.key, cut, context })),
  )
}
