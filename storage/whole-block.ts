/**
 * Whether a block's columns hold together, without decoding them: what is inserted as it is must not trip the store half way, and one
 * broken block must not hold up what comes behind it.
 */
import { LOW_ADDITIONAL_KEYS, LOW_VERSION, type NumberKind, RANGE } from '../core/block/layout.ts'
import type { Block } from '../core/block.ts'
import { CALL_COLUMN_NAMES, CALL_COLUMNS } from '../core/call.ts'
import { PipelineError } from '../core/errors.ts'

/** Version, type and size of a dictionary; before the keys comes their number. */
const HEAD_BYTES = 24
const COUNT_BYTES = 8

/** Throws `block_corrupt`. */
export function requireWhole(block: Block): void {
  for (const name of CALL_COLUMN_NAMES) {
    const kind = CALL_COLUMNS[name]
    const body = block.body(name)
    const whole =
      kind === 'low'
        ? isDictionaryCoded(body, block.rows)
        : kind === 'text'
          ? endOfTexts(body, 0, block.rows) === body.length
          : body.length === block.rows * RANGE[kind as NumberKind].width
    if (!whole) throw new PipelineError('block_corrupt', `column ${name} of a block cannot be read`)
  }
}

function isDictionaryCoded(body: Buffer, rows: number): boolean {
  if (body.length < HEAD_BYTES + COUNT_BYTES || body.readUInt32LE(0) !== LOW_VERSION) return false
  if ((body.readUInt32LE(8) & ~0xff) !== LOW_ADDITIONAL_KEYS) return false
  const width = [1, 2, 4][body[8]!]
  const size = body.readUInt32LE(16)
  if (width === undefined || size > rows + 1) return false
  if (body.readUInt32LE(4) + body.readUInt32LE(12) + body.readUInt32LE(20) !== 0) return false
  const keys = body.length - rows * width
  const count = keys - COUNT_BYTES
  if (count < HEAD_BYTES || endOfTexts(body, HEAD_BYTES, size) !== count) return false
  if (body.readUInt32LE(count) !== rows || body.readUInt32LE(count + 4) !== 0) return false
  for (let at = keys; at < body.length; at += width) {
    const key = width === 1 ? body[at]! : width === 2 ? body.readUInt16LE(at) : body.readUInt32LE(at)
    if (key >= size) return false
  }
  return true
}

/** Where `count` texts from `from` on end; NaN where they do not end within the body. A text's length comes first, LEB128. */
function endOfTexts(body: Buffer, from: number, count: number): number {
  let at = from
  for (let text = 0; text < count; text += 1) {
    let length = 0
    let place = 1
    for (;;) {
      const byte = body[at++]
      if (byte === undefined || place > 0x1000_0000) return Number.NaN
      length += (byte & 0x7f) * place
      place *= 128
      if (byte < 0x80) break
    }
    at += length
    if (at > body.length) return Number.NaN
  }
  return at
}
