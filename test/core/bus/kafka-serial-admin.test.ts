import { type Admin, KafkaJSConnectionError } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { SerialAdmin } from '../../../core/bus/kafka/serial-admin.ts'
import { gate } from './drive.ts'

describe('what is asked of a cluster', () => {
  it('is asked one after the other, also after a failure, which is told in the words of the bus', async () => {
    const admin = new SerialAdmin({} as Admin)
    const told: string[] = []
    const answered = gate()
    const first = admin.ask(async () => {
      told.push('first begins')
      await answered.opened
      told.push('first ends')
      throw new KafkaJSConnectionError('gone', { broker: 'b:1' })
    })
    const second = admin.ask(async () => {
      told.push('second')
      return 2
    })
    await new Promise(setImmediate)
    expect(told).toEqual(['first begins'])
    answered.open()
    await expect(first).rejects.toMatchObject({ code: 'bus_unavailable', retriable: true, message: 'Kafka: gone' })
    expect(await second).toBe(2)
    expect(told).toEqual(['first begins', 'first ends', 'second'])
  })
})
