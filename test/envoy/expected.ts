/** How an assertion on one scenario is put together: what holds of a record by who reports it, and the common kinds of call. */
import { expect } from 'vitest'
import type { Call } from '../../core/call.ts'
import { SECOND } from '../../core/clock.ts'
import type { Facts } from './fixture.ts'
import { NAMESPACE, type PodName, TRUST_DOMAIN } from './pods.ts'

export type Expected = Partial<Call>
export type Check = (calls: readonly Call[], facts: Facts) => void

/** Records by who reports what. Whatever is not looked for must not be there: each call is counted once on each side. */
export function bySide(calls: readonly Call[]): Record<'source' | 'destination' | 'connections', Call[]> {
  const requests = calls.filter((call) => call.kind === 'request')
  return {
    source: requests.filter((call) => call.reporter === 'source'),
    destination: requests.filter((call) => call.reporter === 'destination'),
    connections: calls.filter((call) => call.kind === 'connection'),
  }
}

/** What holds of any record of a call from one pod to another, whoever reports it. */
function between(facts: Facts, from: PodName, to: PodName): Expected {
  const [source, destination] = [facts.pods[from]!, facts.pods[to]!]
  return {
    sourceAddress: source.address,
    destinationService: `${destination.service}.${NAMESPACE}`,
    destinationServiceOrigin: 'record',
  }
}

/** Names that only a completed mTLS handshake gives. */
function proven(facts: Facts, from: PodName, to: PodName): Expected {
  return {
    sourceIdentity: facts.pods[from]!.identity,
    sourceIdentityOrigin: 'record',
    sourceNamespace: NAMESPACE,
    destinationIdentity: facts.pods[to]!.identity,
    destinationIdentityOrigin: 'record',
    destinationNamespace: NAMESPACE,
    tlsState: 'mutual',
    tlsVersion: 'TLSv1.3',
    tlsFailure: '',
    tlsRejectedBy: '',
  }
}

/** What only the caller's proxy knows. */
export function asSource(facts: Facts, from: PodName, to: PodName): Expected {
  return {
    ...between(facts, from, to),
    reporter: 'source',
    reporterPod: `${from}-0`,
    sourceService: `${facts.pods[from]!.service}.${NAMESPACE}`,
    attempts: 1,
  }
}

/** What only the callee's proxy knows: the certificate it verified. */
export function asDestination(facts: Facts, from: PodName, to: PodName): Expected {
  return {
    ...between(facts, from, to),
    ...proven(facts, from, to),
    reporter: 'destination',
    reporterPod: `${to}-0`,
    destinationAddress: facts.pods[to]!.address,
    tlsPeerSerial: facts.pods[from]!.serial,
    tlsPeerIssuer: `O=${TRUST_DOMAIN}`,
  }
}

export function expectOne(calls: readonly Call[], expected: Expected): void {
  expect(calls).toHaveLength(1)
  expect(calls[0]).toMatchObject(expected)
}

export function expectNoDenial(calls: readonly Call[]): void {
  for (const call of calls) expect(call).toMatchObject({ denialKind: '', denialPolicy: '', denialRule: '' })
}

/** A handshake that succeeded: the listener's record. It is a connection, never a second call, whatever became of the call. */
const GOOD_HANDSHAKE: Expected = { reporter: 'destination', outcome: 'ok', tlsFailure: '', denialKind: '' }

interface Both {
  source: Expected
  destination: Expected
}

/** One call over mTLS that both proxies report, on one connection. */
export function oneCall(from: PodName, to: PodName, { source, destination }: Both): Check {
  return (calls, facts) => {
    const side = bySide(calls)
    expectOne(side.source, { ...asSource(facts, from, to), ...proven(facts, from, to), ...source })
    expectOne(side.destination, { ...asDestination(facts, from, to), ...destination })
    const { tlsVersion = 'TLSv1.3' } = destination
    expectOne(side.connections, { ...asDestination(facts, from, to), ...GOOD_HANDSHAKE, tlsVersion })
    expectNoDenial(side.source)
    expect(side.destination[0]!.tlsPeerNotAfter).toBeGreaterThan(facts.end)
    for (const call of calls) expectInside(call, facts)
  }
}

/** Start and end lie in the time the scenario was driven, read by different programs on a busy machine. */
function expectInside(call: Call, facts: Facts): void {
  expect(call.start).toBeGreaterThan(facts.start - SECOND)
  expect(call.end).toBe(call.start + call.durationUs)
  if (call.kind === 'request') expect(call.end).toBeLessThan(facts.end + SECOND)
}

export const HTTP: Expected = { protocol: 'http', method: 'GET', grpcStatus: -1, durationStepUs: 1 }
export const GRPC: Expected = { protocol: 'grpc', method: 'POST', status: 200 }
export const TCP: Expected = { protocol: 'tcp', method: '', path: '', status: 0, durationStepUs: 1000 }

export const both = (expected: Expected): Both => ({ source: expected, destination: expected })

/** A denial: the destination says so, the source only has a copy of the answer. */
export function denied(kind: Call['denialKind'], policy: string, shape: Expected, copy: Expected): Both {
  const rule = policy.includes('/') ? '0' : ''
  return {
    source: { ...shape, ...copy },
    destination: { ...shape, outcome: 'denied', denialKind: kind, denialPolicy: policy, denialRule: rule },
  }
}

export const FORBIDDEN: Expected = { ...HTTP, status: 403 }

/** The server refused the client's certificate: its listener knows why; no identity is believed. */
export function refusedClient(
  from: PodName,
  failure: Call['tlsFailure'],
  client: Expected,
  to: PodName = 'cart',
): Check {
  return (calls, facts) => {
    const side = bySide(calls)
    expectOne(side.source, { ...asSource(facts, from, to), status: 503, denialKind: '', ...client })
    expect(side.source[0]!.outcome).not.toBe('ok')
    expect(side.destination).toEqual([])
    expectOne(side.connections, {
      ...between(facts, from, to),
      reporter: 'destination',
      outcome: 'tls_failure',
      tlsFailure: failure,
      tlsRejectedBy: 'destination',
      sourceIdentity: '',
      sourceIdentityOrigin: 'none',
      tlsPeerSerial: facts.pods[from]!.serial,
    })
  }
}

/** TLS 1.3: the client is not told why. */
export const UNTOLD: Expected = { tlsFailure: '', responseFlags: 'UC' }
/** TLS 1.2: an alert says why, and who. */
export function alerted(failure: Call['tlsFailure']): Expected {
  return { outcome: 'tls_failure', tlsFailure: failure, tlsRejectedBy: 'destination' }
}

/** The client refused the server's certificate; the server hears an alert. */
export function refusedServer(to: PodName, failure: Call['tlsFailure']): Check {
  return (calls, facts) => {
    const side = bySide(calls)
    const refused: Expected = { outcome: 'tls_failure', tlsFailure: failure, tlsRejectedBy: 'source' }
    const own = { ...asSource(facts, 'web', to), ...refused }
    expectOne(side.source, {
      ...own,
      status: 503,
      destinationIdentity: '',
      destinationAddress: facts.pods[to]!.address,
    })
    expect(side.destination).toEqual([])
    expectOne(side.connections, {
      ...between(facts, 'web', to),
      reporter: 'destination',
      sourceIdentity: '',
      ...refused,
    })
  }
}

/** Plaintext from a pod without a sidecar: one listener record, nothing else. */
export function plaintext(to: PodName, failure: Call['tlsFailure']): Check {
  return (calls, facts) => {
    const side = bySide(calls)
    expect([side.source, side.destination]).toEqual([[], []])
    expectOne(side.connections, {
      ...between(facts, 'bare', to),
      reporter: 'destination',
      outcome: 'tls_failure',
      tlsFailure: failure,
      tlsRejectedBy: 'destination',
      tlsState: 'plaintext',
      tlsVersion: '',
      sourceIdentity: '',
      destinationAddress: facts.pods[to]!.address,
    })
  }
}
