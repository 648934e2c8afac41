/**
 * A column of several blocks as one: LowCardinality(String) in the layout of docs/block-format.md, with one dictionary of all their
 * texts, in the order in which the log has them.
 */

import { LOW_ADDITIONAL_KEYS, LOW_VERSION } from '../core/block/layout.ts'
import type { Block } from '../core/block.ts'
import type { CallColumn } from '../core/call.ts'
import { PipelineError } from '../core/errors.ts'

const HEAD_BYTES = 24
const COUNT_BYTES = 8

/** Texts as they stand in a body, length and all, a byte a character: nothing is decoded. The empty text is key 0. */
type Dictionary = Map<string, number>

/** The pieces of the joined body. Throws `block_corrupt`. */
export function joinLow(blocks: readonly Block[], name: CallColumn): Uint8Array[] {
  const dictionary: Dictionary = new Map([['\0', 0]])
  // Most blocks of a column have one of a few dictionaries.
  const known = new Map<string, Uint32Array>()
  const parts = blocks.map((block) => readPart(block.body(name), block.rows, dictionary, known))
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0)
  const keys = newKeys(dictionary.size, rows)
  let row = 0
  for (const { keys: own, joined } of parts) {
    for (let i = 0; i < own.length; i += 1) keys[row++] = joined[own[i]!] ?? corrupt('a key outside its dictionary')
  }
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(LOW_VERSION, 0)
  head.writeUInt32LE(LOW_ADDITIONAL_KEYS | (keys.BYTES_PER_ELEMENT >> 1), 8)
  head.writeUInt32LE(dictionary.size, 16)
  const count = Buffer.alloc(COUNT_BYTES)
  count.writeUInt32LE(rows, 0)
  return [head, Buffer.from([...dictionary.keys()].join(''), 'latin1'), count, new Uint8Array(keys.buffer)]
}

type Keys = Uint8Array | Uint16Array | Uint32Array

function newKeys(texts: number, rows: number): Keys {
  if (texts <= 0x100) return new Uint8Array(rows)
  return texts <= 0x1_0000 ? new Uint16Array(rows) : new Uint32Array(rows)
}

/** A block's keys, and for each key of its own dictionary the key in the joined one. */
function readPart(body: Buffer, rows: number, dictionary: Dictionary, known: Map<string, Uint32Array>) {
  if (body.length < HEAD_BYTES) corrupt('no head')
  const width = [1, 2, 4][body[8]!] ?? corrupt('the width of its keys')
  const first = body.length - rows * width
  const end = first - COUNT_BYTES
  if (end < HEAD_BYTES || body.readUInt32LE(end) !== rows) corrupt('the number of its keys')
  const texts = body.toString('latin1', HEAD_BYTES, end)
  let joined = known.get(texts)
  if (joined === undefined) {
    joined = join(texts, body.readUInt32LE(16), dictionary)
    known.set(texts, joined)
  }
  return { keys: readKeys(body.subarray(first), width), joined }
}

function join(texts: string, size: number, dictionary: Dictionary): Uint32Array {
  if (size > texts.length) corrupt('the size of its dictionary')
  const joined = new Uint32Array(size)
  let at = 0
  for (let key = 0; key < size; key += 1) {
    const end = endOfText(texts, at)
    if (!(end <= texts.length)) corrupt('a text beyond its dictionary')
    const text = texts.slice(at, end)
    joined[key] = dictionary.get(text) ?? dictionary.size
    dictionary.set(text, joined[key]!)
    at = end
  }
  if (at !== texts.length) corrupt('bytes after its dictionary')
  return joined
}

/** Where the text that begins at `at` ends; its length comes first, LEB128. */
function endOfText(texts: string, at: number): number {
  let length = 0
  let place = 1
  for (let next = at; ; next += 1) {
    const byte = texts.charCodeAt(next)
    // Past the end it is NaN, which ends it too.
    if (!(byte > 0x7f)) return next + 1 + length + byte * place
    length += (byte & 0x7f) * place
    place *= 128
  }
}

function readKeys(bytes: Buffer, width: number): Keys {
  if (width === 1) return bytes
  const copy = new Uint8Array(bytes)
  return width === 2 ? new Uint16Array(copy.buffer) : new Uint32Array(copy.buffer)
}

function corrupt(why: string): never {
  throw new PipelineError('block_corrupt', `column of a block cannot be read: ${why}`)
}
