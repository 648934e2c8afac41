/** Both ends of a call: who they proved to be, and where they are. */
import type { Call } from '../../core/call.ts'
import { canonicalIdentity } from '../../core/identity.ts'
import type { FieldValues } from '../otlp/field-values.ts'
import { FIELD as F } from '../otlp/log-record.ts'
import { ipOf, portOf } from './address.ts'
import { memo } from './memo.ts'

/** The first SPIFFE identity of a list with commas, canonical. */
const identityOf = memo((text: string): string => {
  const from = text.indexOf('spiffe://')
  const rest = from < 0 ? text : text.slice(from)
  const comma = rest.indexOf(',')
  return canonicalIdentity(comma < 0 ? rest : rest.slice(0, comma))
})

/** A failed handshake proved nobody: then only the proxy's word on itself at the callee's end is taken, as a name to report. */
export function readIdentities(call: Call, values: readonly string[], failed: boolean): void {
  const atSource = call.reporter === 'source'
  const source = failed ? '' : values[atSource ? F.upstreamLocalUriSan : F.downstreamPeerUriSan]!
  const destinationField = call.reporter === 'destination' ? F.downstreamLocalUriSan : F.upstreamPeerUriSan
  const destination = failed && call.reporter !== 'destination' ? '' : values[destinationField]!
  if (source !== '') {
    call.sourceIdentity = identityOf(source)
    if (call.sourceIdentity !== '') call.sourceIdentityOrigin = 'record'
  }
  if (destination !== '') {
    call.destinationIdentity = identityOf(destination)
    if (call.destinationIdentity !== '') call.destinationIdentityOrigin = 'record'
  }
}

/**
 * The caller's address is what the callee sees. At the caller's end that is where its proxy connected from, else its pod's
 * address: its application may well speak from loopback.
 */
export function readSource(call: Call, values: FieldValues): void {
  if (call.reporter === 'destination') {
    setSource(call, ipOf(values.addressOf(F.downstreamRemoteAddress)), fleetingPort(values, F.downstreamRemoteAddress))
    return
  }
  const fromIp = call.reporter === 'source' ? ipOf(values.addressOf(F.upstreamLocalAddress)) : ''
  if (fromIp !== '') {
    setSource(call, fromIp, fleetingPort(values, F.upstreamLocalAddress))
    return
  }
  const ownIp = call.reporter === 'source' ? ipOf(values.textOf(F.k8sPodIp)) : ''
  const remoteIp = ipOf(values.addressOf(F.downstreamRemoteAddress))
  const isRemote = ownIp === '' || ownIp === remoteIp
  setSource(call, ownIp || remoteIp, isRemote ? fleetingPort(values, F.downstreamRemoteAddress) : 0)
}

function fleetingPort(values: FieldValues, field: number): number {
  const port = values.portOf(field)
  return port < 0 ? portOf(values.addressOf(field)) : port
}

export function readDestination(call: Call, values: readonly string[]): void {
  const local = values[F.downstreamLocalAddress]!
  const upstream = call.reporter === 'destination' ? '' : values[F.upstreamHost]!
  const upstreamIp = ipOf(upstream)
  call.destinationAddress = upstreamIp || ipOf(local)
  call.destinationPort = portOf(upstreamIp === '' ? local : upstream)
}

function setSource(call: Call, address: string, port: number): void {
  call.sourceAddress = address
  call.sourcePort = port
}
