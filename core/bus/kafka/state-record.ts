/** Records of a state topic, by key; compaction keeps the last of each. */
import type { Message } from 'kafkajs'
import type { StateWrite } from '../bus.ts'

/** How far a group is. */
export interface Offsets {
  next: number
  keep: number
}

export type StateRecord =
  | { kind: 'state'; write: StateWrite }
  | { kind: 'offsets'; offsets: Offsets }
  /** What an owner writes to know that it has read everything before. */
  | { kind: 'marker'; marker: string }

const STATE = 's:'
const OFFSETS = 'offsets'
const MARKER = 'marker'

export function stateMessage(partition: number, { key, value }: StateWrite): Message {
  return { partition, key: STATE + key, value: value === null ? null : Buffer.from(value) }
}

export function offsetsMessage(partition: number, { next, keep }: Offsets): Message {
  return { partition, key: OFFSETS, value: JSON.stringify([next, keep]) }
}

export function markerMessage(partition: number, marker: string): Message {
  return { partition, key: MARKER, value: marker }
}

export function readStateMessage(key: Buffer | null, value: Buffer | null): StateRecord {
  const text = String(key)
  if (text.startsWith(STATE)) return { kind: 'state', write: { key: text.slice(STATE.length), value } }
  if (text === MARKER) return { kind: 'marker', marker: String(value) }
  if (text !== OFFSETS)
    throw new Error(`a state topic holds a record with the key ${JSON.stringify(text.slice(0, 100))}`)
  const [next, keep] = JSON.parse(String(value)) as [number, number]
  return { kind: 'offsets', offsets: { next, keep } }
}
