/** Records of the state topic. Its key says whose they are; compaction keeps the last of each key. */
import type { Message } from 'kafkajs'
import type { ProcessOptions, StateWrite } from '../bus.ts'

type Owner = Pick<ProcessOptions, 'group' | 'topic'>

/** A key of the group's state; how far the group is; what an owner writes to know that it has read everything before. */
type Kind = 'state' | 'offsets' | 'marker'

export interface Offsets {
  next: number
  keep: number
}

export interface StateRecord {
  kind: Kind
  key: string
  value: Buffer | null
}

function keyOf({ group, topic }: Owner, kind: Kind, key: string): string {
  return JSON.stringify([group, topic, kind, key])
}

export function stateMessage(owner: Owner, partition: number, { key, value }: StateWrite): Message {
  return { partition, key: keyOf(owner, 'state', key), value: value === null ? null : Buffer.from(value) }
}

export function offsetsMessage(owner: Owner, partition: number, { next, keep }: Offsets): Message {
  return { partition, key: keyOf(owner, 'offsets', ''), value: JSON.stringify([next, keep]) }
}

export function markerMessage(owner: Owner, partition: number, marker: string): Message {
  return { partition, key: keyOf(owner, 'marker', ''), value: marker }
}

/** The record where it is of this owner, else undefined. */
export function readStateMessage(owner: Owner, key: Buffer | null, value: Buffer | null): StateRecord | undefined {
  const parts = JSON.parse(String(key)) as [group: string, topic: string, kind: Kind, key: string]
  if (parts[0] !== owner.group || parts[1] !== owner.topic) return undefined
  return { kind: parts[2], key: parts[3], value }
}

export function readOffsets(value: Buffer): Offsets {
  const [next, keep] = JSON.parse(String(value)) as [number, number]
  return { next, keep }
}
