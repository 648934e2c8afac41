/**
 * Memory of request bodies, used again: V8 takes new memory for pressure, and collects all garbage for tens of megabytes of it
 * (docs/decisions/048-memory-of-bodies.md).
 *
 * Memory that is lent is nobody else's until it is given back, and what is never given back (of a call that broke off) is
 * garbage like any other: a sender that stalls keeps what its own body takes, as long as that may. At most KEPT_BYTES wait here
 * for a body, and none gets more than a quarter beyond its size.
 */
const KEPT_BYTES = 16 * 1024 * 1024
/** Less is had more cheaply from the system. */
const LEAST = 64 * 1024
const SPARE = 1.25

/** Longest unused first. */
const kept: Buffer[] = []
let keptBytes = 0
const lent = new WeakSet<ArrayBufferLike>()

/** So many bytes, with anything in them. */
export function memoryFor(bytes: number): Buffer {
  const at = kept.findLastIndex(({ length }) => length >= bytes && length <= bytes * SPARE)
  const memory = at < 0 ? Buffer.allocUnsafeSlow(bytes) : kept.splice(at, 1)[0]!
  if (at >= 0) keptBytes -= memory.length
  if (memory.length >= LEAST) lent.add(memory.buffer)
  return memory.length === bytes ? memory : memory.subarray(0, bytes)
}

/** Nobody may look at the body any more. Does nothing for what is not lent. */
export function giveBack(body: Uint8Array): void {
  const { buffer } = body
  if (!lent.delete(buffer)) return
  if (buffer.byteLength > KEPT_BYTES) return
  const memory = Buffer.from(buffer)
  kept.push(memory)
  keptBytes += memory.length
  while (keptBytes > KEPT_BYTES) keptBytes -= kept.shift()!.length
}
