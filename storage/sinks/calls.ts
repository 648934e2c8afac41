/** `eastwatch.calls` into the table `calls`: blocks become Native inserts as they are; deliveries that came before are left out. */
import { Block } from '../../core/block.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { HOUR } from '../../core/clock.ts'
import { SeenDeliveries } from '../../core/deliveries.ts'
import { counter } from '../../core/telemetry/instruments.ts'
import { CALL_TABLE_COLUMNS, nativeCalls } from '../native.ts'
import type { Gatherer, Insert, SinkSpec } from '../sink.ts'
import { readOrPass } from '../unreadable.ts'
import { requireWhole } from '../whole-block.ts'

const duplicates = counter('eastwatch.storage', 'eastwatch_duplicate_rows', {
  description: 'Rows left out because their delivery had come before.',
})

export const callsSink: SinkSpec = {
  name: 'calls',
  topic: TOPIC.calls,
  gatherer: (snapshot) => new CallsGatherer(snapshot),
}

class CallsGatherer implements Gatherer {
  readonly #seen: SeenDeliveries
  /** Blocks by the hour of the table's partition. */
  readonly #hours = new Map<number, Block[]>()

  constructor(snapshot: Uint8Array | undefined) {
    this.#seen = SeenDeliveries.restore(snapshot)
  }

  add(value: Uint8Array): { rows: number; bytes: number } {
    const bytes = Math.max(1, value.length)
    const read = readOrPass('calls', () => wholeBlock(Uint8Array.prototype.slice.call(value)))
    const block = read === undefined ? undefined : this.#fresh(read)
    if (block === undefined) return { rows: 0, bytes }
    for (const [hour, part] of byHour(block)) {
      const blocks = this.#hours.get(hour)
      if (blocks === undefined) this.#hours.set(hour, [part])
      else blocks.push(part)
    }
    return { rows: block.rows, bytes }
  }

  tick(time: number): void {
    this.#seen.advance(time)
  }

  inserts(): Insert[] {
    return [...this.#hours].map(([hour, blocks]) => ({
      table: 'calls',
      group: String(hour),
      format: 'Native',
      columns: CALL_TABLE_COLUMNS,
      rows: blocks.reduce((sum, block) => sum + block.rows, 0),
      near: nearFirstRow(blocks[0]!),
      body: (batch) => nativeCalls(blocks, batch),
    }))
  }

  clear(): void {
    this.#hours.clear()
  }

  snapshot(): Uint8Array {
    return this.#seen.snapshot()
  }

  /** The block without the rows of deliveries seen before; undefined where none are left. */
  #fresh(block: Block): Block | undefined {
    const repeated = block.deliveries.filter(({ id }) => this.#seen.seen(id))
    const rows = repeated.reduce((sum, { from, to }) => sum + to - from, 0)
    if (rows > 0) duplicates(rows, { table: 'calls' })
    if (rows === block.rows) return undefined
    if (rows === 0) return block
    return new Block(block.filter((row) => !repeated.some(({ from, to }) => from <= row && row < to)))
  }
}

function wholeBlock(value: Uint8Array): Block {
  const block = new Block(value)
  requireWhole(block)
  return block
}

/** The table's PARTITION BY: hour of the end, held within an hour of the receipt. Nearly always one. */
function byHour(block: Block): [hour: number, part: Block][] {
  const ends = block.numbers('end')
  const received = block.numbers('received')
  const hourOf = (row: number) => {
    const at = received[row]!
    return Math.floor(Math.min(Math.max(ends[row]!, at - HOUR), at + HOUR) / HOUR)
  }
  const hours = new Set<number>()
  for (let row = 0; row < block.rows; row += 1) hours.add(hourOf(row))
  if (hours.size === 1) return [...hours].map((hour) => [hour, block])
  return [...hours].sort((a, b) => a - b).map((hour) => [hour, new Block(block.filter((row) => hourOf(row) === hour))])
}

/** The table's sort key of the first row: finds the insert without reading the hour. */
function nearFirstRow(block: Block): Insert['near'] {
  const call = block.call(0)
  return {
    sql: `destination_service = {service:String} AND source_identity = {identity:String}
      AND end = fromUnixTimestamp64Micro({end:Int64}, 'UTC')`,
    params: { service: call.destinationService, identity: call.sourceIdentity, end: call.end },
  }
}
