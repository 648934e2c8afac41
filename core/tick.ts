/**
 * Ticks: time as it stands in the log. Each producer writes one a second to every partition of what it feeds; a consumer's
 * watermark comes from ticks alone, never from a clock.
 */
export interface Tick {
  /** Stable id of the producer: a collector, or `topic/partition` of the input whose watermark a stage forwards. */
  producer: string
  /** Rises by one with each tick of this producer; a smaller or equal one is a repeat and is ignored. */
  seq: number
  /** Epoch microseconds: nothing older is still to come from this producer, lateness aside. */
  time: number
  /** The producer leaves: it has no vote any more. */
  leave: boolean
}

const MAGIC = 'EWT1'

export function encodeTick(tick: Tick): Uint8Array {
  return Buffer.from(MAGIC + JSON.stringify([tick.producer, tick.seq, tick.time, tick.leave]))
}

/** The tick a bus record holds, or undefined where it holds something else. */
export function decodeTick(value: Uint8Array): Tick | undefined {
  if (value.length < 5 || value[0] !== 0x45 || value[1] !== 0x57 || value[2] !== 0x54 || value[3] !== 0x31)
    return undefined
  try {
    const text = Buffer.from(value.buffer, value.byteOffset + 4, value.byteLength - 4).toString()
    const [producer, seq, time, leave] = JSON.parse(text) as unknown[]
    if (typeof producer !== 'string' || typeof seq !== 'number' || typeof time !== 'number') return undefined
    return typeof leave === 'boolean' ? { producer, seq, time, leave } : undefined
  } catch {
    return undefined
  }
}
