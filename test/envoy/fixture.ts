/**
 * A scenario as it was recorded: `<scenario>.json` holds the facts, `<scenario>.bin.gz` the bodies the sidecars sent, gzipped,
 * each after its length as four bytes, little-endian.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

export interface Facts {
  scenario: string
  proxy: string
  /** Epoch microseconds between which the scenario was driven. */
  start: number
  end: number
  /** Calls made by applications. */
  calls: number
  /** The id the caller set; '' where it set none. */
  requestId: string
  /** What the callers were answered, by how often. */
  answers: Record<string, number>
  /** Log records received. */
  records: number
  /** `identity`: canonical form of what the pod's certificate says. `serial`: lower-case hex, '' where it has none. */
  pods: Record<string, { service: string; address: string; identity: string; serial: string }>
}

export interface Recording {
  facts: Facts
  /** ExportLogsServiceRequest messages, in order of arrival. */
  bodies: Buffer[]
}

const FOLDER = join(import.meta.dirname, '../fixtures/envoy')

export function writeRecording(recording: Recording): void {
  const { facts, bodies } = recording
  mkdirSync(FOLDER, { recursive: true })
  const framed = bodies.flatMap((body) => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(body.length)
    return [length, body]
  })
  writeFileSync(join(FOLDER, `${facts.scenario}.bin.gz`), gzipSync(Buffer.concat(framed), { level: 9 }))
  writeFileSync(join(FOLDER, `${facts.scenario}.json`), `${JSON.stringify(facts, undefined, 2)}\n`)
}

export function readRecording(scenario: string): Recording {
  const facts = JSON.parse(readFileSync(join(FOLDER, `${scenario}.json`), 'utf8')) as Facts
  const framed = gunzipSync(readFileSync(join(FOLDER, `${scenario}.bin.gz`)))
  const bodies: Buffer[] = []
  for (let at = 0; at < framed.length; ) {
    const length = framed.readUInt32LE(at)
    bodies.push(framed.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return { facts, bodies }
}
