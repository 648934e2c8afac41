/**
 * What kafkajs 2.2.4 spends for nothing. A connection without waiting requests looks for some every millisecond for as long as it lives
 * (https://github.com/tulios/kafkajs/issues/1704), and what is sent is copied a dozen times (requests-in-place.ts).
 */
import { createRequire } from 'node:module'
import { writeRequestsInPlace } from './requests-in-place.ts'

interface RequestQueue {
  pending: unknown[]
  scheduleCheckPendingRequests(): void
}

let isDone = false

/** From now on, for all clients of this process. */
export function spareKafkajsCosts(): void {
  if (isDone) return
  isDone = true
  const require = createRequire(import.meta.url)
  lookOnlyForWhatWaits((require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }).prototype)
  writeRequestsInPlace()
}

/** A request that comes to wait, and one that is answered, make it look again. */
function lookOnlyForWhatWaits(prototype: RequestQueue): void {
  const { scheduleCheckPendingRequests } = prototype
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this)
  }
}
