/** What `eastwatch doctor` found, for people. */
import { join } from 'node:path'
import { harmless } from '../core/harmless.ts'
import { MOST_SERVICES, type RejectedFacts } from '../storage/queries/coverage.ts'
import type { Examination, Examined } from '../storage/queries/examine.ts'
import type { EastwatchConfig } from './config.ts'
import { table } from './table.ts'

export interface Report extends Examination {
  hours: number
  /** Whether `eastwatch up` runs on the data folder now; null where the store is a server, which does not tell. */
  running: boolean | null
}

export function reportText({ hours, services, rejected, running }: Report, config: EastwatchConfig): string {
  const time = hours === 1 ? 'the last hour' : `the last ${hours} hours`
  const parts =
    services.length === 0
      ? [nothing(time, running, config)]
      : [held(services, time), seen(services), mending(services, config)]
  if (rejected.length > 0) parts.push(unread(rejected))
  return parts.join('\n')
}

function nothing(time: string, running: boolean | null, config: EastwatchConfig): string {
  const { collector, dataFolder, storage } = config
  const state =
    running === null
      ? `Nothing says whether a pipeline stores into ${storage.url}. Start one, and send it access logs over OTLP: ${addresses(collector)}.`
      : running
        ? `eastwatch up runs on ${dataFolder}. Send it access logs over OTLP: ${addresses(collector)}.`
        : `eastwatch up does not run on ${dataFolder}. Start it, then send it access logs over OTLP: ${addresses(collector)}.`
  return [
    `No calls were stored in ${time}, so every detector is blind.`,
    '',
    state,
    'What to paste: docs/connect-envoy.md, docs/connect-istio.md. A record shows up here some seconds after it came.',
    '',
  ].join('\n')
}

/** A free port is known to whoever started it only. */
function addresses({ grpcAddress, httpAddress }: EastwatchConfig['collector']): string {
  const free = [grpcAddress, httpAddress].some((address) => address.endsWith(':0'))
  return free ? 'it says where when it starts' : `gRPC ${grpcAddress}, HTTP ${httpAddress}`
}

/** A dash where there was nothing to judge by. */
const percent = (share: number, of = 1) => (of === 0 ? '-' : `${Math.floor(share * 100)} %`)
const nameOf = (service: string) => (service === '' ? '(not named)' : service)

/** What the records hold. */
function held(services: Examined[], time: string): string {
  const rows = services.map((s) => [
    nameOf(s.service),
    String(s.records),
    s.bySource > 0 && s.byDestination > 0 ? 'both proxies' : s.bySource > 0 ? 'caller only' : 'service only',
    percent(s.sourceIdentity, s.connected),
    percent(s.destinationIdentity, s.connected),
    percent(s.tlsVersion, s.connected),
    s.http === 0 ? 'TCP' : percent(s.microseconds),
    percent(s.policyDecided, s.connected),
    s.connections > 0 ? 'yes' : 'no',
    percent(1 - s.claimed),
  ])
  const head = ['service', 'records', 'reported by', 'caller id', 'service id', 'TLS version', 'µs times', 'in policy']
  const cut = services.length < MOST_SERVICES ? '' : `Only the ${MOST_SERVICES} busiest services are shown.\n`
  return (
    `What the telemetry of ${time} holds, by the service that was called:\n\n` +
    `${table([...head, 'listener log', 'trusted'], rows)}${cut}`
  )
}

/** What each detector makes of it. */
function seen(services: Examined[]): string {
  const head = ['service', ...services[0]!.detectors.map((d) => d.detector)]
  const rows = services.map((s) => [nameOf(s.service), ...s.detectors.map((d) => d.state)])
  return `What each detector sees (on: all it needs; degraded: a part; blind: nothing):\n\n${table(head, rows)}`
}

interface Gap {
  detectors: Set<string>
  services: Set<string>
  state: string
  mend: string
}

/** Each reason once, those that touch most services first. */
function mending(services: Examined[], config: EastwatchConfig): string {
  const gaps = new Map<string, Gap>()
  for (const { service, detectors } of services) {
    for (const { detector, state, why, mend } of detectors) {
      if (state === 'on') continue
      const key = `${state}: ${why}`
      const gap = gaps.get(key) ?? { detectors: new Set(), services: new Set(), state, mend }
      gap.detectors.add(detector)
      gap.services.add(nameOf(service))
      gaps.set(key, gap)
    }
  }
  if (gaps.size === 0) return 'Every detector sees all it needs.\n'
  const told = [...gaps]
    .sort(([, a], [, b]) => b.services.size - a.services.size)
    .flatMap(([why, { detectors, services: of, mend }]) => [
      `- ${[...detectors].join(' and ')} ${why}.`,
      `  Services: ${some([...of])}`,
      `  To mend:  ${mend === '' ? 'nothing can be done' : mend}.`,
    ])
  const folder = join(config.dataFolder, config.policy.folder)
  return `Why, and what mends it (the policy folder is ${folder}):\n\n${told.join('\n')}\n`
}

function unread(rejected: RejectedFacts[]): string {
  const lines = rejected.map(
    ({ reason, records, detail }) => `- ${records} x ${reason}, such as: ${harmless(detail).slice(0, 200)}`,
  )
  return `Records that came and could not be read (table rejected):\n\n${lines.join('\n')}\n`
}

function some(names: string[]): string {
  const shown = names.slice(0, 5).map(harmless).join(', ')
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown
}
