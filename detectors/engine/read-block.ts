/**
 * Blocks as the log gives them: nothing in one is believed before all that detection reads of it was looked at, so that a block is
 * taken in whole or not at all. Throws `block_version` and `block_corrupt` (core/block.ts).
 */
import { Block } from '../../core/block.ts'
import type { Call, CallColumn } from '../../core/call.ts'
import { PipelineError } from '../../core/errors.ts'
import { TextColumn } from './text-column.ts'

export interface ReadBlock {
  block: Block
  requestId: TextColumn
  traceId: TextColumn
  path: TextColumn
}

export function readBlock(value: Uint8Array): ReadBlock {
  const block = new Block(value)
  for (const name of LOW_COLUMNS) {
    if (block.low(name).dictionary[0] !== '' && block.rows > 0) refuse(`the dictionary of ${name} has no empty text`)
  }
  for (const [name, words] of Object.entries(WORDS)) checkWords(block, name as keyof typeof WORDS, words)
  for (const name of SMALL_NUMBERS) block.numbers(name)
  for (const name of LARGE_NUMBERS) {
    const numbers = block.numbers(name)
    for (let row = 0; row < block.rows; row += 1) {
      if (numbers[row]! > Number.MAX_SAFE_INTEGER) refuse(`${name} of row ${row} is out of range`)
    }
  }
  const text = (name: 'requestId' | 'traceId' | 'path') => new TextColumn(block.body(name), block.rows)
  return { block, requestId: text('requestId'), traceId: text('traceId'), path: text('path') }
}

function checkWords(block: Block, name: keyof typeof WORDS, words: Readonly<Record<string, true>>): void {
  const { dictionary, index } = block.low(name)
  for (let key = 1; key < dictionary.length; key += 1) {
    if (!Object.hasOwn(words, dictionary[key]!)) refuse(`${name} ${JSON.stringify(dictionary[key])} is not known`)
  }
  if (Object.hasOwn(words, '')) return
  for (let row = 0; row < block.rows; row += 1) if (index[row] === 0) refuse(`row ${row} has no ${name}`)
}

function refuse(why: string): never {
  throw new PipelineError('block_corrupt', `block cannot be read: ${why}`)
}

type Words<T extends string> = Readonly<Record<T, true>>

/** Columns whose texts are words of `Call`: any other text was not written by Eastwatch. */
const WORDS = {
  kind: { request: true, connection: true } satisfies Words<Call['kind']>,
  reporter: { source: true, destination: true, waypoint: true, app: true } satisfies Words<Call['reporter']>,
  trust: { verified: true, claimed: true } satisfies Words<Call['trust']>,
  outcome: {
    ok: true,
    client_error: true,
    server_error: true,
    denied: true,
    tls_failure: true,
    connect_failure: true,
  } satisfies Words<Call['outcome']>,
  denialKind: {
    '': true,
    rbac: true,
    network_rbac: true,
    ext_authz: true,
    jwt: true,
    intention: true,
  } satisfies Words<Call['denialKind']>,
  tlsState: { mutual: true, server: true, plaintext: true, unknown: true } satisfies Words<Call['tlsState']>,
  tlsFailure: {
    '': true,
    missing_client_cert: true,
    expired: true,
    not_yet_valid: true,
    unknown_ca: true,
    san_mismatch: true,
    revoked: true,
    pin_mismatch: true,
    cert_invalid: true,
    cert_verify_failed_unspecified: true,
    plaintext_peer: true,
    plaintext_to_tls: true,
    plaintext_to_strict: true,
    protocol_version: true,
    protocol_params: true,
    sni_mismatch: true,
    local_cert_unavailable: true,
    handshake_timeout: true,
    tls_other: true,
  } satisfies Words<Call['tlsFailure']>,
  tlsRejectedBy: { '': true, source: true, destination: true } satisfies Words<Call['tlsRejectedBy']>,
  decision: { allowed: true, denied: true, unknown: true } satisfies Words<Call['decision']>,
  sourceIdentityOrigin: originWords(),
  sourceWorkloadOrigin: originWords(),
}

function originWords(): Words<Call['sourceIdentityOrigin']> {
  return { none: true, record: true, inventory: true, learned: true }
}

const LOW_COLUMNS = [
  ...(Object.keys(WORDS) as (keyof typeof WORDS)[]),
  'sourceIdentity',
  'sourceAddressIdentity',
  'sourceWorkload',
  'sourceNamespace',
  'sourceAddress',
  'destinationService',
  'destinationIdentity',
  'destinationNamespace',
  'denialPolicy',
  'denialRule',
  'tlsPeerSerial',
  'tlsPeerIssuer',
  'tlsDetail',
  'method',
  'route',
  'decisionReason',
  'responseFlags',
] as const satisfies readonly CallColumn[]

const LARGE_NUMBERS = ['start', 'end', 'durationUs', 'bytesReceived', 'bytesSent', 'tlsPeerNotAfter'] as const
const SMALL_NUMBERS = ['status', 'grpcStatus', 'attempts', 'weight', 'durationStepUs'] as const
