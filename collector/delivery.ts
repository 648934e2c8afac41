/** One OTLP request body on its way in, and who sent it. */
import { createHash } from 'node:crypto'
import { DELIVERY_ID_BYTES } from '../core/block.ts'
import type { Trust } from '../core/call.ts'
import { giveBack } from './body-memory.ts'

const NO_BYTES = new Uint8Array()

export interface Sender {
  /** What quotas and `Call.sender` go by: verified identity, relay or token name, else the address. */
  key: string
  /** `verified` for loopback and configured relays; of other senders each call is looked at (`identity`). */
  trust: Trust
  /** Canonical identity of the client certificate, '' where there is none. */
  identity: string
}

export type Signal = 'logs' | 'traces' | 'metrics'
export type Encoding = 'protobuf' | 'json'

export interface Delivery {
  /** Decompressed; empty once it was read. */
  body: Uint8Array
  signal: Signal
  encoding: Encoding
  sender: Sender
  /** Epoch microseconds at which the whole body was there; of a record of Kafka, at which Kafka had it. */
  received: number
  /** Names its place, where it was read from a log that gives it again until it is durable; no other has it. */
  origin?: string
}

/** Its bytes are not needed any more, and may be many while it waits to be durable. Nobody may look at them from now on. */
export function letGo(delivery: Delivery): void {
  giveBack(delivery.body)
  delivery.body = NO_BYTES
}

/** What became of a delivery that is durable. */
export interface Receipt {
  records: number
  rejected: number
  /** Why the first rejected record was; '' where none was. */
  reason: string
}

/**
 * Identity of a delivery: the first 128 bits of SHA-256 over its trust and its decompressed body, or its trust and its origin. With the trust
 * in it, nobody can have a verified sender's records dropped as duplicates by sending the same bytes first.
 */
export function deliveryId({ body, sender, origin }: Pick<Delivery, 'body' | 'sender' | 'origin'>): Uint8Array {
  const mark = sender.trust === 'verified' ? '\x01' : sender.identity === '' ? '\x00' : `\x02${sender.identity}\x00`
  const hash = createHash('sha256')
  // No body that can be read begins like an origin: neither JSON nor a protobuf field does.
  if (origin === undefined) hash.update(mark).update(body)
  else hash.update(mark).update('\x00').update(origin)
  return hash.digest().subarray(0, DELIVERY_ID_BYTES)
}

/** Identity of part `part` of a delivery whose calls do not fit one block; part 0 is the delivery itself. */
export function partId(id: Uint8Array, part: number): Uint8Array {
  if (part === 0) return id
  return createHash('sha256').update(id).update(String(part)).digest().subarray(0, DELIVERY_ID_BYTES)
}
