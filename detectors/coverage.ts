/** What each detector can see of a service, from what its telemetry holds. Pure; the facts come from the store. */

/** The part of the facts that decides; shares are from 0 to 1. */
export interface TelemetryFacts {
  sourceIdentity: number
  tlsVersion: number
  microseconds: number
  policyDecided: number
  /** Records whose sender did not prove to be who it speaks for. */
  claimed: number
  /** Counts of records. */
  bySource: number
  byDestination: number
  /** HTTP and gRPC requests. */
  http: number
  connections: number
  successes: number
}

export interface Coverage {
  detector: string
  state: 'on' | 'degraded' | 'blind'
  /** Why it is not fully on; '' where it is. */
  why: string
  /** What mends it; '' where nothing is to do or nothing can. */
  mend: string
}

/** A share below this counts as missing: one odd sender is not a gap in coverage. */
const MOST = 0.9

const ATTRIBUTES = 'send the attributes of docs/connect-envoy.md (Istio: docs/connect-istio.md)'
const BOTH = 'let the proxies of both ends send their access logs'
const POLICIES = 'export your policies into the policy folder (docs/policy.md)'
const CLAIMED: Judgement = {
  state: 'degraded',
  why: 'records come from senders that prove nothing, and such records teach nothing',
  mend: 'send through a relay named in collector.relayIdentities or collector.tokens, or with client certificates',
}

export function coverageOf(facts: TelemetryFacts): Coverage[] {
  return [
    { detector: 'denial_spike', ...denials(facts) },
    { detector: 'tls_failure', ...handshakes(facts) },
    { detector: 'new_path', ...paths(facts) },
    { detector: 'latency_shift', ...gap(facts) },
    { detector: 'telemetry_stopped', ...silence(facts) },
  ]
}

type Judgement = Omit<Coverage, 'detector'>
const ON: Judgement = { state: 'on', why: '', mend: '' }

function denials(facts: TelemetryFacts): Judgement {
  if (facts.byDestination === 0) {
    return { state: 'blind', why: 'only the caller reports, and a caller never sees why it was denied', mend: BOTH }
  }
  if (facts.successes === 0) {
    return {
      state: 'degraded',
      why: 'no call succeeded: all of them failed, or only failures are logged and there is no rate',
      mend: 'log successful calls as well where they are left out',
    }
  }
  if (facts.sourceIdentity < MOST) {
    return { state: 'degraded', why: 'callers come without identity', mend: ATTRIBUTES }
  }
  if (facts.claimed > 1 - MOST) return CLAIMED
  return ON
}

function handshakes(facts: TelemetryFacts): Judgement {
  if (facts.connections > 0) return ON
  const mend = 'add the listener access log of docs/connect-envoy.md (Istio: the EnvoyFilter of docs/connect-istio.md)'
  if (facts.bySource > 0) {
    return { state: 'degraded', why: "refused handshakes are seen by the caller's proxy only", mend }
  }
  return { state: 'blind', why: 'a failed handshake is written by the listener log alone, and there is none', mend }
}

function paths(facts: TelemetryFacts): Judgement {
  if (facts.sourceIdentity < MOST) {
    return { state: 'degraded', why: 'callers come without identity', mend: ATTRIBUTES }
  }
  if (facts.claimed > 1 - MOST) return CLAIMED
  if (facts.policyDecided < MOST) {
    return {
      state: 'degraded',
      why: 'no declared policy decides these calls, so new paths are learned, not known',
      mend: POLICIES,
    }
  }
  return ON
}

function gap(facts: TelemetryFacts): Judgement {
  if (facts.bySource === 0 || facts.byDestination === 0) {
    return { state: 'blind', why: 'only one end reports, so there is no gap between two', mend: BOTH }
  }
  if (facts.http === 0) {
    return { state: 'degraded', why: 'proxies time TCP in whole milliseconds: shifts below that stay unseen', mend: '' }
  }
  if (facts.microseconds < MOST) {
    return {
      state: 'degraded',
      why: 'durations are in whole milliseconds: shifts below that stay unseen',
      mend: ATTRIBUTES,
    }
  }
  return ON
}

function silence(facts: TelemetryFacts): Judgement {
  if (facts.bySource === 0 || facts.byDestination === 0) {
    return { state: 'blind', why: 'only one end reports: where it stops, nobody tells that calls go on', mend: BOTH }
  }
  if (facts.successes === 0) {
    return { state: 'blind', why: 'no successful call is logged', mend: 'log successful calls as well' }
  }
  if (facts.claimed > 1 - MOST) return CLAIMED
  return ON
}
