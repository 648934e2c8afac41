/** The one place that makes kafkajs's client. */
import { Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs'
import type { KafkaConnection } from './connection.ts'
import { spareKafkajsCosts } from './kafkajs-costs.ts'
import { PATIENCE } from './patience.ts'

/** What of kafkajs's options says how brokers are reached. */
export type Reach = Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl' | 'socketFactory'>

export function reachOf({ brokers, tls, sasl }: KafkaConnection): Reach {
  return {
    brokers,
    ...(tls === undefined ? {} : { ssl: { ca: tls.ca, cert: tls.certificate, key: tls.key } }),
    // A copy: kafkajs writes into it.
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }),
  }
}

/** kafkajs says nothing by itself: what fails is thrown or told as an event, and whoever gets it tells it in the words of the bus. */
export function createClient(reach: Reach): Kafka {
  spareKafkajsCosts()
  return new Kafka({ ...reach, retry: PATIENCE, clientId: 'eastwatch', logLevel: logLevel.NOTHING })
}
