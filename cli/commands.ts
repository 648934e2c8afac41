/** All commands there are. A new one is a file in commands/, its test, and an entry here. */
import type { Command } from './command.ts'

export const COMMANDS: readonly Command[] = [
  {
    name: 'up',
    usage: '[--config FILE]',
    summary: 'runs the whole pipeline in one process',
    load: () => import('./commands/up.ts'),
  },
  {
    name: 'demo',
    usage: '[--once] [--seed N] [--attacks all|none] [--json]',
    summary: 'simulates a shop of a dozen services, plants attacks in it, and shows what Eastwatch finds',
    load: () => import('./commands/demo.ts'),
  },
  {
    name: 'query',
    usage: '"SELECT ..." [--config FILE] [--json]',
    summary: 'asks the store, whether the pipeline runs or not',
    load: () => import('./commands/query.ts'),
  },
  {
    name: 'doctor',
    usage: '[--config FILE] [--hours N] [--json]',
    summary: 'tells for each service what the telemetry holds, and what each detector can see of it',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'config',
    usage: 'check|schema|print [--config FILE]',
    summary: 'checks the configuration, prints its JSON schema, or prints it with every default filled in',
    load: () => import('./commands/config.ts'),
  },
]
