/** All commands there are. A new one is a file in commands/, its test, and an entry here. */

import { API_HELP } from './api-help.ts'
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
  {
    ...role('alerts', 'makes incidents of findings, and tells people'),
    usage: '[test-route LABEL=VALUE ... | test-route --incident ID] [--config FILE]',
    options: [
      CONFIG,
      ['test-route', 'does not run it, but shows who would be told of an incident with these labels: docs/alerts.md'],
      ['--incident ID', 'of this incident'],
    ],
    load: async () => ({
      run: async ([first, ...rest], around) => {
        if (first === 'test-route') return (await import('./commands/test-route.ts')).run(rest, around)
        const args = first === undefined ? [] : [first, ...rest]
        return (await import('./commands/role.ts')).runOf('alerts')(args, around)
      },
    }),
  },
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
    name: 'incidents',
    usage: '[list [--state STATES] | show ID | acknowledge|resolve|accept ID --reason TEXT] [--config FILE] [--json]',
    summary: 'shows incidents, and says what is done about them',
    options: [
      CONFIG,
      ['--state STATES', 'of open, acknowledged, silenced and resolved, with commas; all but resolved by default'],
      ['acknowledge ID', 'somebody has it: it is told again only if it becomes worse'],
      ['resolve ID', 'it is over; it opens again when its cause comes back'],
      ['accept ID', 'it is normal: the like of it opens nothing for --days N, 30 by default'],
      ['--reason TEXT', 'why; it stands in the audit'],
      ...API_HELP,
    ],
    load: () => import('./commands/incidents.ts'),
  },
  {
    name: 'silences',
    usage: '[list | add MATCHER ... --for 4h --reason TEXT | end ID] [--config FILE] [--json]',
    summary: 'shows what is muted, mutes, and ends it',
    options: [
      CONFIG,
      ['MATCHER', 'such as \'destination="payment.shop"\' or \'detector=~"denial_spike|new_path"\'; all must hold'],
      ['--for TIME', 'how long: 30m, 4h, 7d at most'],
      ['--reason TEXT', 'why; it stands in the audit'],
      ...API_HELP,
    ],
    load: () => import('./commands/silences.ts'),
  },
  {
    name: 'token',
    usage: '--name NAME [--role reader|operator|admin] [--namespace NAMESPACE ...]',
    summary: 'makes a token for the console and its API',
    options: [
      ['--name NAME', 'of its owner; it stands in the audit'],
      ['--role ROLE', 'what its owner may: reader by default'],
      ['--namespace NAMESPACE', 'limits its owner to it; again for more'],
    ],
    load: () => import('./commands/token.ts'),
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
