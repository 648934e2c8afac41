/**
 * Produce requests are written once, where they are sent from: with room before them for the header that kafkajs puts there, and in memory
 * that an earlier request has left.
 */
import { createRequire } from 'node:module'
import { Encoder } from './kafkajs-encoder.ts'
import { isPlain, mostBytes, type ProduceRequest, writeProduceRequest } from './produce-request.ts'

interface Protocol {
  request: { encode(): Promise<Encoder> }
  response: { decode(answer: Buffer): Promise<unknown> }
}

interface Produce {
  protocol(options: { version: number }): (request: ProduceRequest) => Protocol
}

/** The first version with batches of records. */
const FIRST_VERSION = 3
/** For kafkajs's header, of which the client's id is the longest part. */
const ROOM = 64
/** Memory that is kept, most. */
const KEPT_BYTES = 4 * 1024 * 1024

export function writeRequestsInPlace(): void {
  const produce = createRequire(import.meta.url)('kafkajs/src/protocol/requests/produce') as Produce
  const { protocol } = produce
  const memory = new RequestMemory()
  produce.protocol = ({ version }) => {
    const kafkajs = protocol({ version })
    if (version < FIRST_VERSION) return kafkajs
    return (options) => (isPlain(options) ? inPlace(options, kafkajs(options), memory) : kafkajs(options))
  }
  takeOverRatherThanCopy(Encoder.prototype)
}

function inPlace(options: ProduceRequest, { request, response }: Protocol, memory: RequestMemory): Protocol {
  const written = new Encoder(0)
  const encode = async (): Promise<Encoder> => {
    written.buf = memory.take(ROOM + mostBytes(options))
    written.offset = ROOM
    writeProduceRequest(written, options)
    const behindRoom = new Encoder(0)
    behindRoom.buf = written.buf.subarray(ROOM)
    behindRoom.offset = written.offset - ROOM
    behindRoom.room = ROOM
    return behindRoom
  }
  // The broker has read all that it answers. What is not answered may still be on its way, and its memory is left alone.
  const decode = (answer: Buffer): Promise<unknown> => {
    memory.giveBack(written.buf)
    return response.decode(answer)
  }
  return { request: { ...request, encode }, response: { ...response, decode } }
}

/** What has room before it is not copied behind what is to stand there: that is copied before it, and its memory is then of both. */
function takeOverRatherThanCopy(prototype: Encoder): void {
  const { writeEncoder } = prototype
  prototype.writeEncoder = function (this: Encoder, value) {
    const { room, buf, offset } = value
    if (room === undefined || room < this.offset) return writeEncoder.call(this, value)
    const whole = Buffer.from(buf.buffer, buf.byteOffset - this.offset, this.offset + buf.length)
    this.buf.copy(whole, 0, 0, this.offset)
    this.room = room - this.offset
    this.offset += offset
    this.buf = whole
    return this
  }
}

class RequestMemory {
  #kept: Buffer = Buffer.alloc(0)

  take(bytes: number): Buffer {
    const kept = this.#kept
    if (kept.length < bytes) return Buffer.allocUnsafeSlow(Encoder.nextPowerOfTwo(bytes))
    this.#kept = Buffer.alloc(0)
    return kept
  }

  giveBack(memory: Buffer): void {
    if (memory.length > this.#kept.length && memory.length <= KEPT_BYTES) this.#kept = memory
  }
}
