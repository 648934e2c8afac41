import { counted } from '../../alerts/words.ts'
import type { Run } from '../command.ts'
import { ALL_ROLES } from '../roles/role.ts'
import { runRoles, type Welcome } from '../run-roles.ts'

export const run: Run = (args, around) => runRoles(args, around, ALL_ROLES, welcome)

function welcome({ running, config: { dataFolder, alerts }, call }: Welcome): string {
  const { receivers } = alerts
  const { grpc, http } = running.collector!.ports
  const incidents = 'query "SELECT detector, severity, summary FROM incidents FINAL"'
  return [
    'Eastwatch is up.',
    '',
    `  Look at it            ${running.console!.url}`,
    `  Send access logs to   127.0.0.1:${grpc} (OTLP gRPC) or http://127.0.0.1:${http} (OTLP HTTP)`,
    '                        what to paste: docs/connect-envoy.md, docs/connect-istio.md',
    `  Declared objects      ${running.policyFolder}`,
    `  Incidents go to       ${receivers.length === 0 ? 'nobody yet; name a receiver: docs/alerts.md' : counted(receivers.length, 'receivers')}`,
    `  Ask anything          ${call(incidents)}`,
    `  What can it see       ${call('doctor')}`,
    `  Health and metrics    http://127.0.0.1:${running.healthPort}/readyz, /metrics`,
    `  ClickHouse            ${running.storage!.url} (user eastwatch_reader)`,
    `  Data                  ${dataFolder}`,
    '',
    'Ctrl-C stops it; nothing that was acknowledged is lost.',
    '',
  ].join('\n')
}
