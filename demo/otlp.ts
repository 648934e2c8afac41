/** Encodes access logs as an OTLP ExportLogsServiceRequest, one ResourceLogs per pod, as a fleet of sidecars would send them. */
import type { AccessLog, Attributes } from './access-log.ts'
import { NAMESPACE, type Pod } from './shop.ts'

/** Values of one key whose bytes are kept; the ever new ones (ids, ports) fill it once and are written out after that. */
const KNOWN = 1000
const known = new Map<string, Map<string, Buffer>>()

/** Minimal protobuf writer: length-delimited fields are written to the end of the buffer, innermost first, backwards. */
class BackwardWriter {
  #bytes = Buffer.allocUnsafe(1 << 20)
  #at = this.#bytes.length
  readonly #known: Map<string, Map<string, Buffer>>

  constructor(known: Map<string, Map<string, Buffer>>) {
    this.#known = known
  }

  get size(): number {
    return this.#bytes.length - this.#at
  }

  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#at))
  }

  #room(more: number): void {
    if (this.#at >= more) return
    const used = this.size
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, used + more))
    this.#bytes.copy(grown, grown.length - used, this.#at)
    this.#bytes = grown
    this.#at = grown.length - used
  }

  #varint(value: number): void {
    const size = value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4
    this.#at -= size
    let rest = value
    for (let i = 0; i < size - 1; i += 1) {
      this.#bytes[this.#at + i] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#at + size - 1] = rest
  }

  /** Closes a message that began when the writer had `from` bytes, as field `field`. */
  message(field: number, from: number): void {
    this.#room(8)
    this.#varint(this.size - from)
    this.#varint((field << 3) | 2)
  }

  text(field: number, value: string): void {
    const length = Buffer.byteLength(value)
    this.#room(length + 8)
    this.#at -= length
    this.#bytes.write(value, this.#at)
    this.#varint(length)
    this.#varint((field << 3) | 2)
  }

  fixed64(field: number, value: bigint): void {
    this.#room(16)
    this.#at -= 8
    this.#bytes.writeBigUInt64LE(value, this.#at)
    this.#varint((field << 3) | 1)
  }

  /** A KeyValue with a string AnyValue. What is seen again and again is copied as bytes; a key has one field only. */
  attribute(field: number, key: string, value: string): void {
    let values = this.#known.get(key)
    if (values === undefined) {
      values = new Map()
      this.#known.set(key, values)
    }
    const bytes = values.get(value)
    if (bytes !== undefined) {
      this.#room(bytes.length)
      this.#at -= bytes.length
      this.#bytes.set(bytes, this.#at)
      return
    }
    const from = this.size
    this.#writeAttribute(field, key, value)
    if (values.size < KNOWN) values.set(value, Buffer.from(this.#bytes.subarray(this.#at, this.#bytes.length - from)))
  }

  #writeAttribute(field: number, key: string, value: string): void {
    const from = this.size
    this.text(1, value)
    this.message(2, from)
    this.text(1, key)
    this.message(field, from)
  }
}

function resourceAttributes(pod: Pod): [string, string][] {
  return [
    ['service.name', pod.service],
    ['k8s.namespace.name', NAMESPACE],
    ['k8s.pod.name', pod.name],
    ['k8s.pod.ip', pod.address],
  ]
}

export function encodeLogs(records: readonly AccessLog[]): Buffer {
  const byPod = new Map<Pod, AccessLog[]>()
  for (const record of records) {
    const own = byPod.get(record.pod)
    if (own === undefined) byPod.set(record.pod, [record])
    else own.push(record)
  }
  const writer = new BackwardWriter(known)
  for (const [pod, own] of byPod) {
    const resourceLogs = writer.size
    for (let i = own.length - 1; i >= 0; i -= 1) writeRecord(writer, own[i]!)
    writer.message(2, resourceLogs)
    const resource = writer.size
    for (const [key, value] of resourceAttributes(pod)) writer.attribute(1, key, value)
    writer.message(1, resource)
    writer.message(1, resourceLogs)
  }
  return writer.finish()
}

function writeRecord(writer: BackwardWriter, record: AccessLog): void {
  const from = writer.size
  for (const key in record.attributes) writer.attribute(6, key, record.attributes[key as keyof Attributes])
  writer.fixed64(1, BigInt(record.startUs) * 1000n)
  writer.message(2, from)
}
