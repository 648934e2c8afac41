import { parseArgs } from 'node:util'
import { type Coverage, coverageOf } from '../../detectors/coverage.ts'
import { coverageSql, type ServiceFacts } from '../../storage/queries/coverage.ts'
import { openReader } from '../../storage/query.ts'
import type { Command } from '../command.ts'
import { readConfig } from '../config.ts'
import { table } from '../table.ts'

export const doctorCommand: Command = {
  name: 'doctor',
  usage: '[--config FILE] [--hours N] [--json]',
  summary: 'tells for each service what the telemetry holds, and what each detector can see of it',
  async run(args, around) {
    const { values } = parseArgs({
      args,
      options: {
        config: { type: 'string', short: 'c' },
        hours: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
      },
    })
    const config = readConfig(values.config, around)
    const reader = await openReader(config)
    try {
      const facts = await reader.rows<ServiceFacts>(coverageSql(Number(values.hours) || 1))
      const services = facts.map((service) => ({ ...service, detectors: coverageOf(service) }))
      around.out(values.json ? `${JSON.stringify({ services }, null, 2)}\n` : report(services))
      return services.length > 0 && services.every((s) => s.detectors.every((d) => d.state === 'on')) ? 0 : 1
    } finally {
      await reader.close()
    }
  },
}

type Examined = ServiceFacts & { detectors: Coverage[] }

const percent = (share: number) => `${Math.round(share * 100)} %`

function report(services: Examined[]): string {
  if (services.length === 0) {
    return (
      'No calls were stored in this time, so every detector is blind.\n' +
      'Send access logs to port 4317 (gRPC) or 4318 (HTTP): docs/connect-envoy.md, docs/connect-istio.md\n'
    )
  }
  const shares = table(
    [
      'service',
      'records',
      'source SAN',
      'dest. SAN',
      'TLS version',
      'µs durations',
      'policy',
      'reporters',
      'listener log',
    ],
    services.map((s) => [
      s.service,
      String(s.records),
      percent(s.sourceIdentity),
      percent(s.destinationIdentity),
      percent(s.tlsVersion),
      percent(s.microseconds),
      percent(s.policyDecided),
      s.bySource > 0 && s.byDestination > 0 ? 'both' : s.bySource > 0 ? 'caller only' : 'callee only',
      s.connections > 0 ? 'yes' : 'no',
    ]),
  )
  const states = table(
    ['service', ...services[0]!.detectors.map((d) => d.detector)],
    services.map((s) => [s.service, ...s.detectors.map((d) => d.state)]),
  )
  const advice = new Map<string, string[]>()
  for (const service of services) {
    for (const { detector, state, why, mend } of service.detectors) {
      if (state === 'on') continue
      const line = `${detector} is ${state}: ${why}. To mend it, ${mend}.`
      advice.set(line, [...(advice.get(line) ?? []), service.service])
    }
  }
  const lines = [...advice].map(
    ([line, of]) => `- ${line} (${of.slice(0, 5).join(', ')}${of.length > 5 ? ` and ${of.length - 5} more` : ''})`,
  )
  return `${shares}\n${states}\n${lines.length === 0 ? 'Every detector sees all it needs.' : lines.join('\n')}\n`
}
