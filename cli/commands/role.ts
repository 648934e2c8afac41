/** `eastwatch collector|detectors|storage|alerts|console`: one role as a process of its own, on Kafka. */
import { counted } from '../../alerts/words.ts'
import type { Run } from '../command.ts'
import type { EastwatchConfig } from '../config.ts'
import type { RoleName } from '../roles/role.ts'
import { runRoles, type Welcome } from '../run-roles.ts'

export function runOf(role: RoleName): Run {
  return (args, around) => runRoles(args, around, [role], (given) => welcome(role, given))
}

function welcome(role: RoleName, { running, config }: Welcome): string {
  const { kafka, partitions } = config.bus
  return [
    `Eastwatch's ${role} ${role === 'detectors' || role === 'alerts' ? 'are' : 'is'} up.`,
    '',
    ...specific(role, { running, config }),
    `  Kafka                 ${kafka!.brokers.join(', ')}, ${counted(partitions, 'partitions')} a topic`,
    `  Health and metrics    http://127.0.0.1:${running.healthPort}/readyz, /metrics`,
    `  Data                  ${running.dataFolder}`,
    '',
    `${canBeMany(role, config) ? 'Start it again elsewhere to share the work. ' : ''}Ctrl-C stops it; nothing that was acknowledged is lost.`,
    '',
  ].join('\n')
}

/** Each embedded engine would be a store of its own, with a part of the rows. */
function canBeMany(role: RoleName, { storage }: EastwatchConfig): boolean {
  return role !== 'storage' || storage.url !== undefined
}

function specific(role: RoleName, { running, config }: Pick<Welcome, 'running' | 'config'>): string[] {
  switch (role) {
    case 'collector': {
      const { grpc, http } = running.collector!.ports
      return [
        `  Send access logs to   port ${grpc} (OTLP gRPC) or ${http} (OTLP HTTP)`,
        `  Declared objects      ${running.policyFolder}`,
      ]
    }
    case 'storage':
      return [
        `  ClickHouse            ${running.storage!.url}`,
        ...(canBeMany(role, config)
          ? []
          : [
              '                        embedded: one process of storage only; for more, name a server (docs/clickhouse.md)',
            ]),
      ]
    case 'alerts': {
      const { length } = config.alerts.receivers
      return [
        `  Incidents go to       ${length === 0 ? 'nobody yet; name a receiver: docs/alerts.md' : counted(length, 'receivers')}`,
      ]
    }
    case 'console':
      return [`  Look at it            ${running.console!.url}`]
    case 'detectors':
      return []
  }
}
