/**
 * Records that came before, as a tree of their bytes. Proxies write the same attributes in the same order, and most say what they
 * said before: such a record is recognised by comparing long runs of bytes, and only what varies in it is read.
 *
 *   resource -> run of pairs -> gap: one pair of which only the key is compared -> run ... -> the record as it was read
 *
 * A gap's value is one of VARYING fields, or of a key that nobody reads; of an address whose port is fleeting all before the port is
 * compared. Whatever is not a plain pair of a key and a string is not known here, and read in whole.
 *
 * Bounded: a tree that is full of nodes, bytes or records starts afresh once more was missing from it than it can hold; a node that has
 * all the children it may have gives up its oldest for one in EVERY that miss. So what never comes again costs a little more than
 * reading it, and keeps nobody out for long.
 */
import { portFrom } from './field-ways.ts'
import { gaps, KnownRecord, UNREAD } from './known-record.ts'
import type { LogRecord } from './log-record.ts'
import { hashOf } from './marks.ts'
import { keyFromOf, PlainPair, pairEnd, stringFrom } from './plain-pair.ts'
import { KEY, KEY_AND_BEGINNING, MAX_PARTS, OTHER, RecordParts, RUN } from './record-parts.ts'
import { sameBytes, viewOf } from './same-bytes.ts'
import { RECORD_ATTRIBUTE } from './tags.ts'
import type { Wire } from './wire.ts'

const MAX_NODES = 1 << 17
const MAX_BYTES = 16 * 1024 * 1024
export const MAX_RECORDS = 1 << 14
const MAX_CHILDREN = 32
const EVERY = 64
const ROOTS = 1 << 12
/** Most bytes of a record that is kept: with MAX_PARTS what one record may add to the tree. */
const MAX_RECORD_BYTES = 16 * 1024

/** From this length on Node compares faster by itself; the call costs as much as 190 bytes here. */
const NATIVE_FROM = 192
const FIRST_BYTES = 64

const NONE = -1
const kinds = new Uint8Array(MAX_NODES)
/** The field of a gap's value, NONE where nobody reads it. */
const fields = new Int8Array(MAX_NODES)
/** The node's bytes in `bytes`: of a gap its key as a protobuf field, and then `beginnings` of the value. */
const starts = new Int32Array(MAX_NODES)
const lengths = new Uint16Array(MAX_NODES)
const beginnings = new Uint8Array(MAX_NODES)
const children = new Int32Array(MAX_NODES)
const siblings = new Int32Array(MAX_NODES)
/** Ordinal of the record that ends at a node. */
const ends = new Int32Array(MAX_NODES)
const bytes = Buffer.alloc(MAX_BYTES)
const view = viewOf(bytes)
const roots = new Int32Array(ROOTS).fill(NONE)
let nodes = 0
let size = 0
let records: KnownRecord[] = []
let lastShape = 0
/** Records that found no room since the tree is full; and at nodes that are full. */
let missing = 0
let crowded = 0

/** Of the resource that is being read. */
let root = NONE

const { from: gapFrom, end: gapEnd, size: gapSize, port: gapPort } = gaps
const pair = new PlainPair()
const parts = new RecordParts()

/** What follows are records of the resource with these bytes; false where it is not known, and none of them either. */
export function openResource(wire: Wire, from: number, end: number): boolean {
  const length = end - from
  const known = length > MAX_RECORD_BYTES ? NONE : roots[slotOf(wire, from, end)]!
  const isKnown =
    known !== NONE && lengths[known] === length && sameBytes(wire.view, from, view, starts[known]!, length)
  root = isKnown ? known : NONE
  return isKnown
}

/** What follows is to be known: the resource says in marks what it says. */
export function learnResource(wire: Wire, from: number, end: number): void {
  if (isFull() || end - from > MAX_RECORD_BYTES) return
  root = addNode(RUN, wire, from, end)
  roots[slotOf(wire, from, end)] = root
}

function slotOf(wire: Wire, from: number, end: number): number {
  return (hashOf(wire.view, from, end) >>> 8) % ROOTS
}

/** Where a record begins, NONE where none is known. */
export function start(): number {
  return root
}

/** The last node that the pairs which come next lead to, with `wire` behind them; the node itself where they lead nowhere. */
export function walk(from: number, wire: Wire, end: number): number {
  let node = from
  let child = children[node]!
  while (child !== NONE) {
    const behind = kinds[child] === RUN ? behindRun(child, wire, end) : behindGap(child, wire, end)
    if (behind === NONE) child = siblings[child]!
    else {
      wire.at = behind
      node = child
      child = children[node]!
    }
  }
  return node
}

/** Where the run ends that comes next; NONE where another does. */
function behindRun(node: number, { bytes: body, view: bodyView, at }: Wire, end: number): number {
  const start = starts[node]!
  const length = lengths[node]!
  const behind = at + length
  if (behind > end) return NONE
  if (length < NATIVE_FROM) return sameBytes(bodyView, at, view, start, length) ? behind : NONE
  // The first pair tells most runs apart, for less than the call costs.
  if (siblings[node] !== NONE && !sameBytes(bodyView, at, view, start, FIRST_BYTES)) return NONE
  return body.compare(bytes, start, start + length, at, behind) === 0 ? behind : NONE
}

/** Where the pair ends that comes next, noted among `gaps`; NONE where it is none of that key. It compares the key as it reads the pair. */
function behindGap(node: number, { bytes: body, view: bodyView, at }: Wire, end: number): number {
  if (body[at] !== RECORD_ATTRIBUTE) return NONE
  const stop = pairEnd(body, at)
  const keyFrom = keyFromOf(body, at)
  const start = starts[node]!
  const beginning = beginnings[node]!
  const keyLength = lengths[node]! - beginning
  const keyEnd = keyFrom + keyLength
  if (stop > end || keyEnd > stop || !sameBytes(bodyView, keyFrom, view, start, keyLength)) return NONE
  const from = stringFrom(body, keyEnd, stop)
  if (from < 0) return NONE
  if (kinds[node] !== KEY) {
    if (portFrom(body, from, stop) - from !== beginning) return NONE
    if (!sameBytes(bodyView, from, view, start + keyLength, beginning)) return NONE
  }
  const field = fields[node]!
  if (field !== NONE) {
    gapFrom[field] = from
    gapEnd[field] = stop
    gapSize[field] = UNREAD
    gapPort[field] = from + beginning
  }
  return stop
}

/** The record that ends at a node, with the values of its gaps as they last were. */
export function recordAt(node: number): KnownRecord | undefined {
  const ordinal = ends[node]!
  return ordinal === NONE ? undefined : records[ordinal]
}

/**
 * Keeps a record as it was read from these bytes, where all of its pairs are plain and each gap's field comes once. `wire` may be
 * anywhere.
 */
export function learn(wire: Wire, from: number, end: number, record: LogRecord, resource: LogRecord): void {
  if (isFull()) {
    missing += 1
    if (missing > 2 * MAX_RECORDS) startAfresh()
    return
  }
  if (root === NONE || end - from > MAX_RECORD_BYTES || !parts.read(wire, from, end, resource)) return
  let node = root
  let run = from
  for (let i = 0; i < parts.count; i += 1) {
    const kind = parts.kinds[i]!
    if (kind === RUN) continue
    node = extended(node, wire, run, parts.starts[i]!)
    if (node === NONE) return
    run = parts.ends[i]!
    if (kind === OTHER) continue
    wire.at = parts.starts[i]!
    pair.read(wire.bytes, wire.at, run)
    node = gapBelow(node, wire, kind, parts.fields[i]!)
    if (node === NONE) return
  }
  node = extended(node, wire, run, end)
  if (node === NONE) return
  lastShape += 1
  ends[node] = records.push(new KnownRecord(lastShape, record, parts.varying(), wire)) - 1
}

/** The node behind the pairs between `from` and `end`, below `parent`; NONE where it has no room. */
function extended(parent: number, wire: Wire, from: number, end: number): number {
  let node = parent
  let at = from
  while (at < end) {
    let shared = 0
    let child = children[node]!
    for (; child !== NONE; child = siblings[child]!) {
      shared = kinds[child] === RUN ? sharedPairs(child, wire, at, end) : 0
      if (shared > 0) break
    }
    if (child === NONE) return hasRoom(node) ? addChild(node, addNode(RUN, wire, at, end)) : NONE
    if (shared < lengths[child]!) split(child, shared)
    node = child
    at += shared
  }
  return node
}

/** Bytes of the whole pairs with which both begin. */
function sharedPairs(node: number, wire: Wire, from: number, end: number): number {
  const start = starts[node]!
  let shared = 0
  while (shared < lengths[node]!) {
    pair.read(bytes, start + shared, start + lengths[node]!)
    const length = pair.end - start - shared
    if (from + shared + length > end || !sameBytes(wire.view, from + shared, view, start + shared, length)) break
    shared += length
  }
  return shared
}

/** Cuts a run in two behind so many bytes. */
function split(node: number, at: number): void {
  const tail = nodes
  nodes += 1
  kinds[tail] = RUN
  starts[tail] = starts[node]! + at
  lengths[tail] = lengths[node]! - at
  children[tail] = children[node]!
  siblings[tail] = NONE
  ends[tail] = ends[node]!
  lengths[node] = at
  children[node] = tail
  ends[node] = NONE
}

/** The gap of the pair at hand, which `wire` is at, below `parent`; NONE where it has no room. */
function gapBelow(parent: number, wire: Wire, kind: number, field: number): number {
  for (let child = children[parent]!; child !== NONE; child = siblings[child]!) {
    if (kinds[child] === kind && behindGap(child, wire, pair.end) !== NONE) return child
  }
  if (!hasRoom(parent)) return NONE
  const node = addNode(kind, wire, pair.keyFrom, pair.keyEnd)
  fields[node] = field
  if (kind === KEY_AND_BEGINNING) {
    const beginning = portFrom(wire.bytes, pair.from, pair.end) - pair.from
    beginnings[node] = beginning
    lengths[node] = lengths[node]! + beginning
    size += wire.bytes.copy(bytes, size, pair.from, pair.from + beginning)
  }
  return addChild(parent, node)
}

function addNode(kind: number, wire: Wire, from: number, end: number): number {
  const node = nodes
  nodes += 1
  kinds[node] = kind
  fields[node] = NONE
  starts[node] = size
  lengths[node] = end - from
  beginnings[node] = 0
  children[node] = NONE
  siblings[node] = NONE
  ends[node] = NONE
  size += wire.bytes.copy(bytes, size, from, end)
  return node
}

/** False where as many children as may be are there, but for one time in EVERY. */
function hasRoom(parent: number): boolean {
  let count = 0
  for (let child = children[parent]!; child !== NONE; child = siblings[child]!) count += 1
  if (count < MAX_CHILDREN) return true
  crowded = (crowded + 1) % EVERY
  return crowded === 0
}

/** The newest first; the oldest of too many goes. */
function addChild(parent: number, node: number): number {
  siblings[node] = children[parent]!
  children[parent] = node
  let last = node
  for (let count = 1; count < MAX_CHILDREN && siblings[last] !== NONE; count += 1) last = siblings[last]!
  siblings[last] = NONE
  return node
}

/** True where a record might not find room. */
function isFull(): boolean {
  return nodes + 3 * MAX_PARTS > MAX_NODES || size + 2 * MAX_RECORD_BYTES > MAX_BYTES || records.length === MAX_RECORDS
}

function startAfresh(): void {
  root = NONE
  missing = 0
  nodes = 0
  size = 0
  records = []
  roots.fill(NONE)
}
