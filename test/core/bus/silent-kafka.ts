import type { Client } from '../../../core/bus/kafka/client.ts'

export interface SilentConsumer {
  tell(event: string, payload?: object): void
  isConnected: boolean
  isRunning: boolean
  /** Partitions that it was told to pause, and not to resume since. */
  paused: Set<number>
}

type Partitions = [{ partitions: number[] }]

/** A kafkajs whose consumers begin and then say nothing by themselves. */
export function silentKafka(): { kafka: Client; consumers: SilentConsumer[] } {
  const consumers: SilentConsumer[] = []
  const consumer = () => {
    const listeners = new Map<string, ((event: { payload: object }) => void)[]>()
    const one: SilentConsumer = {
      tell: (event, payload = {}) => {
        for (const listener of listeners.get(event) ?? []) listener({ payload })
      },
      isConnected: true,
      isRunning: false,
      paused: new Set(),
    }
    consumers.push(one)
    return {
      events: { CRASH: 'crash', GROUP_JOIN: 'join', REQUEST: 'request' },
      on: (event: string, listener: (event: { payload: object }) => void) =>
        listeners.set(event, [...(listeners.get(event) ?? []), listener]),
      connect: async () => {},
      subscribe: async () => {},
      run: async () => {
        one.isRunning = true
      },
      seek: () => {},
      pause: ([{ partitions }]: Partitions) => void one.paused.add(partitions[0]!),
      resume: ([{ partitions }]: Partitions) => void one.paused.delete(partitions[0]!),
      disconnect: async () => {
        one.isConnected = false
      },
    }
  }
  return { kafka: { consumer } as unknown as Client, consumers }
}
