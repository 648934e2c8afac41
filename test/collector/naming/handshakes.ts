/** Deliveries that prove names, or need them, and a publisher that takes them. */
import type { Delivery, Sender } from '../../../collector/delivery.ts'
import { CollectorMetrics } from '../../../collector/metrics.ts'
import { createAnnotator } from '../../../collector/naming/annotate.ts'
import type { Directory } from '../../../collector/naming/directory.ts'
import type { OthersNames } from '../../../collector/naming/others.ts'
import { DEFAULT_LIMITS } from '../../../collector/otlp/limits.ts'
import { FIELD, FIELD_ALIASES } from '../../../collector/otlp/log-record.ts'
import { Publisher } from '../../../collector/publisher.ts'
import type { LogSource } from '../../../collector/sources/source.ts'
import { emptyCall } from '../../../core/call.ts'
import { SECOND } from '../../../core/clock.ts'
import type { MemoryBus } from '../memory-bus.ts'
import { logs } from '../requests.ts'
import { undeclaredWorld } from './world.ts'

export const NOW = 1_795_296_000 * SECOND
export const AT = '10.0.0.11'
export const WEB = 'cluster.local/ns/shop/sa/web'
const local: Sender = { key: '127.0.0.1', trust: 'verified', identity: '' }

/** A record with the caller's identity proves it by mutual TLS. */
const source: LogSource = {
  name: 'handshakes',
  read({ values, timeUs }) {
    const sourceIdentity = values[FIELD.downstreamPeerUriSan]!
    const proven = sourceIdentity !== ''
    return {
      ...emptyCall(),
      sourceIdentity,
      sourceIdentityOrigin: proven ? 'record' : 'none',
      tlsState: proven ? 'mutual' : 'unknown',
      sourceAddress: values[FIELD.downstreamRemoteAddress]!,
      destinationService: values[FIELD.authority]!,
      path: values[FIELD.path]!,
      start: timeUs,
      end: timeUs,
    }
  },
}

export interface PublisherParts {
  bus: MemoryBus
  directory: Directory
  others?: OthersNames | undefined
}

export function publisherOf({ bus, directory, others }: PublisherParts): Publisher {
  const policy = undeclaredWorld()
  const rules = {
    sources: [source],
    annotator: createAnnotator(() => policy, directory),
    partitions: bus.partitions(),
    latenessUs: 10 * SECOND,
    limits: DEFAULT_LIMITS,
  }
  return new Publisher({ bus, clock: { now: () => NOW }, rules, metrics: new CollectorMetrics(), others })
}

export function delivery(body: Uint8Array): Delivery {
  return { body, signal: 'logs', encoding: 'protobuf', sender: local, received: NOW }
}

/** Three calls from an address, which prove the identity or, with '', name nobody. Their paths begin with the mark. */
export function from(identity: string, mark: string, address = AT): Buffer {
  return logs(3, mark, {
    [FIELD_ALIASES.downstreamRemoteAddress[0]]: address,
    ...(identity === '' ? {} : { [FIELD_ALIASES.downstreamPeerUriSan[0]]: identity }),
  })
}

/** Whatever need not wait for time has happened. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
}
