/**
 * What kafkajs 2.2.4 spends for nothing. A connection without waiting requests looks for some every millisecond for as long as it lives
 * (https://github.com/tulios/kafkajs/issues/1704), and memory is zeroed before each byte of it is written.
 */
import { createRequire } from 'node:module'

interface RequestQueue {
  pending: unknown[]
  scheduleCheckPendingRequests(): void
}

interface Encoder {
  buf: Buffer
  offset: number
  ensureAvailable(length: number): void
}

interface EncoderClass {
  prototype: Encoder
  nextPowerOfTwo(length: number): number
}

let isDone = false

/** From now on, for all clients of this process. */
export function spareKafkajsCosts(): void {
  if (isDone) return
  isDone = true
  const require = createRequire(import.meta.url)
  lookOnlyForWhatWaits((require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }).prototype)
  leaveMemoryAsItIs(require('kafkajs/src/protocol/encoder') as EncoderClass)
}

/** A request that comes to wait, and one that is answered, make it look again. */
function lookOnlyForWhatWaits(prototype: RequestQueue): void {
  const { scheduleCheckPendingRequests } = prototype
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this)
  }
}

/** The encoder gives away what it has written, and nothing behind it. */
function leaveMemoryAsItIs({ prototype, nextPowerOfTwo }: EncoderClass): void {
  prototype.ensureAvailable = function (this: Encoder, length) {
    const needed = this.offset + length
    if (needed <= this.buf.length) return
    const grown = Buffer.allocUnsafeSlow(nextPowerOfTwo(needed))
    this.buf.copy(grown, 0, 0, this.offset)
    this.buf = grown
  }
}
