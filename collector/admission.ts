/**
 * Who may send how much: records a second and bytes in memory per sender, bytes in memory over all. Only the sender over its quota
 * is put off. Memory is bounded: the longest idle senders are forgotten first.
 */
import { PipelineError } from '../core/errors.ts'
import type { CollectorConfig } from './config.ts'

/** A request costs at least this much, so that countless tiny ones are bounded too. */
const MIN_REQUEST_BYTES = 4096
const OVERLOAD_RETRY_MS = 1000

interface Account {
  bytes: number
  requests: number
  /** Records that may come now; below zero until what came at once is paid off. */
  allowance: number
  /** When `allowance` was last brought up to date. */
  asOf: number
}

export type AdmissionLimits = Pick<CollectorConfig, 'maxBytesInFlight' | 'quotas'>

/** Bytes that one request holds; released when it is answered. */
export interface Lease {
  /** Throws `throttled` or `bus_full` where there is no room. */
  take(bytes: number): void
  /** The request held so many records. */
  spend(records: number): void
  release(): void
}

export class Admission {
  readonly #limits: AdmissionLimits
  readonly #nowMs: () => number
  /** Longest idle first. */
  readonly #accounts = new Map<string, Account>()
  #bytes = 0

  constructor(limits: AdmissionLimits, nowMs: () => number = () => performance.now()) {
    this.#limits = limits
    this.#nowMs = nowMs
  }

  get bytesInFlight(): number {
    return this.#bytes
  }

  get senders(): number {
    return this.#accounts.size
  }

  /** Throws `throttled` while the sender is over its rate. */
  open(sender: string): Lease {
    const { quotas, maxBytesInFlight } = this.#limits
    const account = this.#account(sender)
    if (account.allowance <= 0) {
      throw new PipelineError('throttled', `sender ${sender} exceeds ${quotas.recordsPerSecond} records a second`, {
        retriable: true,
        retryAfterMs: Math.ceil(((1 - account.allowance) / quotas.recordsPerSecond) * 1000),
      })
    }
    let held = 0
    let taken = 0
    account.requests += 1
    const lease: Lease = {
      take: (bytes) => {
        taken += bytes
        const more = Math.max(taken, MIN_REQUEST_BYTES) - held
        if (account.bytes + more > quotas.bytesInFlight) {
          throw full('throttled', `sender ${sender} has ${quotas.bytesInFlight} bytes that are not durable yet`)
        }
        if (this.#bytes + more > maxBytesInFlight) {
          throw full('bus_full', `the collector holds ${maxBytesInFlight} bytes that are not durable yet`)
        }
        held += more
        account.bytes += more
        this.#bytes += more
      },
      spend: (records) => {
        account.allowance -= records
      },
      release: () => {
        account.bytes -= held
        this.#bytes -= held
        account.requests -= 1
        held = 0
        lease.release = () => {}
      },
    }
    return lease
  }

  #account(sender: string): Account {
    const { recordsPerSecond, burstSeconds, senders } = this.#limits.quotas
    const burst = recordsPerSecond * burstSeconds
    const now = this.#nowMs()
    const known = this.#accounts.get(sender)
    if (known !== undefined) {
      this.#accounts.delete(sender)
      this.#accounts.set(sender, known)
      known.allowance = Math.min(burst, known.allowance + ((now - known.asOf) / 1000) * recordsPerSecond)
      known.asOf = now
      return known
    }
    if (this.#accounts.size >= senders) this.#forgetOne()
    const fresh = { bytes: 0, requests: 0, allowance: burst, asOf: now }
    this.#accounts.set(sender, fresh)
    return fresh
  }

  #forgetOne(): void {
    for (const [sender, { requests }] of this.#accounts) {
      if (requests > 0) continue
      this.#accounts.delete(sender)
      return
    }
    throw full('bus_full', `${this.#accounts.size} senders are sending at once, the most this collector serves`)
  }
}

function full(code: 'throttled' | 'bus_full', message: string): PipelineError {
  return new PipelineError(code, message, { retriable: true, retryAfterMs: OVERLOAD_RETRY_MS })
}
