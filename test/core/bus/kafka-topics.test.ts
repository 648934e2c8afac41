import kafkajs, { type Admin } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { requireTopics, streamTopic } from '../../../core/bus/kafka/topics.ts'

/** kafkajs's, as it is where another process has made the topic a moment ago and its broker does not host it yet. */
function newlyMade(failures: number) {
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
})
