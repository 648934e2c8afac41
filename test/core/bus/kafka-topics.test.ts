import kafkajs, { type Admin } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { MAX_MESSAGE_BYTES, requireTopics, stateTopic, streamTopic } from '../../../core/bus/kafka/topics.ts'

/** kafkajs's, as it is where another process has made the topic a moment ago and its broker does not host it yet. */
function newlyMade(failures: number, settings: Record<string, string> = {}) {
  const found = { 'cleanup.policy': 'delete', 'max.message.bytes': String(MAX_MESSAGE_BYTES), ...settings }
  const calls: string[] = []
  const admin = {
    listTopics: async () => {
      calls.push('list')
      return calls.includes('made') ? ['t'] : []
    },
    createTopics: async () => {
      calls.push('made')
      if (calls.filter((call) => call === 'made').length <= failures) {
        throw new kafkajs.KafkaJSProtocolError('This server does not host this topic-partition')
      }
      return true
    },
    fetchTopicMetadata: async () => {
      calls.push('metadata')
      if (calls.filter((call) => call === 'metadata').length <= failures) {
        throw new kafkajs.KafkaJSProtocolError('There is no leader for this topic-partition')
      }
      return { topics: [{ name: 't', partitions: [{}, {}] }] }
    },
    describeConfigs: async () => ({
      resources: [
        {
          resourceName: 't',
          configEntries: Object.entries(found).map(([configName, configValue]) => ({ configName, configValue })),
        },
      ],
    }),
  }
  return { calls, admin: admin as unknown as Admin }
}

describe('requireTopics', () => {
  it('goes on where a broker does not host yet what was made a moment ago', async () => {
    const { admin, calls } = newlyMade(1)
    await requireTopics(admin, [streamTopic('t', 2)], 1)
    expect(calls).toEqual(['list', 'made', 'list', 'metadata', 'list', 'metadata'])
  })

  it('does not try again where the number of partitions is another', async () => {
    const { admin, calls } = newlyMade(0)
    await expect(requireTopics(admin, [streamTopic('t', 3)], 1)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('topic t has 2 partitions, 3 are configured'),
    })
    expect(calls).toEqual(['list', 'made', 'metadata'])
  })

  it('refuses settings that lose records, and says how to mend them', async () => {
    const { admin } = newlyMade(0, { 'cleanup.policy': 'compact' })
    await expect(requireTopics(admin, [streamTopic('t', 2)], 1)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('cleanup.policy=compact, and delete is needed: kafka-configs.sh --alter'),
    })
    await expect(requireTopics(newlyMade(0).admin, [stateTopic('t', 2)], 1)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('cleanup.policy=delete, and compact is needed'),
    })
    const short = newlyMade(0, { 'max.message.bytes': '1048588' })
    await expect(requireTopics(short.admin, [streamTopic('t', 2)], 1)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining(`max.message.bytes=1048588, and ${MAX_MESSAGE_BYTES} is needed`),
    })
  })
})
