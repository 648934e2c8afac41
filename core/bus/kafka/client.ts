/** The one place that makes kafkajs's clients. */
import { Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs'
import type { Logger } from '../../logger.ts'
import { settlesWithin } from '../../waiting.ts'
import type { KafkaConnection } from './connection.ts'
import { spareKafkajsCosts } from './kafkajs-costs.ts'
import { PATIENCE } from './patience.ts'
import { Sockets } from './sockets.ts'

/** What of kafkajs's options says how brokers are reached. */
export type Reach = Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl' | 'socketFactory'>

/**
 * What of kafkajs is used. Each consumer, producer and admin client has connections of its own, which are cut where a broker has not answered
 * within kafkajs's time for a request, and when it disconnects: that takes five seconds at most, and nothing of it lives on.
 */
export type Client = Pick<Kafka, 'consumer' | 'producer' | 'admin'>

/** A processor that has much else to do may take as long to see that it is connected. kafkajs's own second is then never enough. */
const CONNECT_MS = 5000
const DISCONNECT_MS = 5000

export function reachOf({ brokers, tls, sasl }: KafkaConnection): Reach {
  return {
    brokers,
    ...(tls === undefined ? {} : { ssl: { ca: tls.ca, cert: tls.certificate, key: tls.key } }),
    // A copy: kafkajs writes into it.
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }),
  }
}

/** kafkajs says nothing by itself: what fails is thrown or told as an event, and whoever gets it tells it in the words of the bus. */
export function createClient(reach: Reach, logger?: Logger): Client {
  spareKafkajsCosts()
  const bounded = <T extends Part>(what: string, make: (kafka: Kafka) => T): T => {
    const sockets = new Sockets(reach.socketFactory)
    const part = make(
      new Kafka({
        ...reach,
        socketFactory: sockets.factory,
        connectionTimeout: CONNECT_MS,
        retry: PATIENCE,
        clientId: 'eastwatch',
        logLevel: logLevel.NOTHING,
      }),
    )
    part.on(part.events.REQUEST_TIMEOUT, ({ payload: { broker, apiName } }) => {
      logger?.warn({ broker, request: apiName }, `a broker does not answer ${what}: its connections are made anew`)
      sockets.cut('the broker does not answer')
    })
    const disconnect = async (): Promise<void> => {
      const left = part.disconnect()
      if (!(await settlesWithin(left, DISCONNECT_MS))) {
        logger?.warn({}, `${what} is cut off: Kafka has not let it go for ${DISCONNECT_MS / 1000} s`)
      }
      sockets.close()
    }
    return { ...part, disconnect }
  }
  return {
    consumer: (options) => bounded(`a consumer of ${options?.groupId}`, (kafka) => kafka.consumer(options)),
    producer: (options) => bounded('a producer', (kafka) => kafka.producer(options)),
    admin: (options) => bounded('an admin client', (kafka) => kafka.admin(options)),
  }
}

interface Part {
  disconnect(): Promise<void>
  events: { REQUEST_TIMEOUT: string }
  on(event: string, listener: (event: { payload: { broker: string; apiName: string } }) => void): unknown
}
