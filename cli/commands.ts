/** All commands there are. A new one is a file in commands/, its test, and an entry here. */
import type { Command } from './command.ts'
import type { RoleName } from './roles/role.ts'

const CONFIG = [
  '--config FILE',
  'the configuration, -c for short; else eastwatch.yaml in this folder, else the defaults',
] as const

function role(name: RoleName, summary: string): Command {
  return {
    name,
    usage: '[--config FILE]',
    summary: `one role as a process, on Kafka: ${summary}`,
    options: [CONFIG],
    load: async () => ({ run: (await import('./commands/role.ts')).runOf(name) }),
  }
}

export const COMMANDS: readonly Command[] = [
  {
    name: 'up',
    usage: '[--config FILE]',
    summary: 'runs the whole pipeline in one process',
    options: [CONFIG],
    load: () => import('./commands/up.ts'),
  },
  role('collector', 'takes telemetry and writes calls into Kafka'),
  role('detectors', 'reads calls from Kafka and writes findings'),
  role('storage', 'stores what Kafka carries in ClickHouse'),
  role('alerts', 'makes incidents of findings, and tells people'),
  role('console', 'serves the page and the API for people'),
  {
    name: 'demo',
    usage: '[--once] [--seed N] [--attacks all|none] [--json]',
    summary: 'simulates a shop of a dozen services, plants attacks in it, and shows what Eastwatch finds',
    options: [
      ['--once', 'end after the verdict: exit code 0 if it passed, 1 if not; takes free ports'],
      ['--seed N', 'another story of the same kind; 1 by default'],
      ['--attacks none', 'plant nothing: then nothing may open'],
      ['--json', 'the verdict alone, for programs'],
    ],
    load: () => import('./commands/demo.ts'),
  },
  {
    name: 'query',
    usage: '"SELECT ..." [--config FILE] [--json]',
    summary: 'asks the store, whether the pipeline runs or not',
    options: [
      CONFIG,
      ['--json', 'one JSON object a line, for programs'],
      [
        'examples',
        '"SHOW TABLES", "DESCRIBE calls", "SELECT severity, summary FROM incidents FINAL"; more: docs/sql.md',
      ],
    ],
    load: () => import('./commands/query.ts'),
  },
  {
    name: 'doctor',
    usage: '[--config FILE] [--hours N] [--json]',
    summary: 'tells for each service what the telemetry holds, and what each detector can see of it',
    options: [
      CONFIG,
      ['--hours N', 'how far back it looks; 1 by default'],
      ['--json', 'the same for programs'],
      ['exit code', '0 where every detector sees all it needs, 1 where one does not'],
    ],
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'config',
    usage: 'check|schema|print [--config FILE]',
    summary: 'checks the configuration, prints its JSON schema, or prints it with every default filled in',
    options: [
      ['check', 'every problem with its line and column; exit code 2 where there is one'],
      ['schema', 'the JSON schema, for editors'],
      ['print', 'the configuration with every default filled in and secrets hidden'],
      CONFIG,
    ],
    load: () => import('./commands/config.ts'),
  },
]
