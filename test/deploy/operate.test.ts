/** docs/operate.md: what it names is there, what it says to run can be run. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { COMMANDS } from '../../cli/commands.ts'
import { allGroups } from '../../cli/roles/groups.ts'
import { ALL_ROLES } from '../../cli/roles/role.ts'
import { Names } from '../../core/bus/kafka/names.ts'
import { MAX_MESSAGE_BYTES } from '../../core/bus/kafka/topics.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { noEngine, openStore } from '../storage/store.ts'
import { documentsOf, filesOf, ROOT, textOf } from './files.ts'
import { collectorMetrics, declaredMetrics } from './metrics.ts'

const page = textOf('docs/operate.md')
const code = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text]) => text!)

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, 'gm'))].map(([, , text]) => text!)
}

function section(title: string): string {
  return page.slice(page.indexOf(`\n## ${title}`)).split(/\n## /)[1]!
}

function rows(text: string): string[][] {
  const cells = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').slice(1, -1))
  return cells.slice(2).map((row) => row.map((cell) => cell.trim()))
}

/** Every command of the page, each on its own line. */
const commands = [
  ...blocks('sh').flatMap((block) =>
    block
      .trim()
      .split('\n')
      .map((line) => line.trim()),
  ),
  ...code.filter((text) => /^(docker|kubectl|eastwatch|npx|npm|node|clickhouse-client|kafka-\w+\.sh) /.test(text)),
]

describe('docs/operate.md', () => {
  it('names every topic, who reads it, and where what they remember is kept', () => {
    const names = new Names('')
    const kafka = { kafka: { brokers: [] } } as unknown as Parameters<typeof allGroups>[0]
    const groups = allGroups(kafka)
    const table = rows(section('Topics and retention'))
    for (const topic of Object.values(TOPIC)) {
      const [, readers, cleanup] = table.find(([name]) => name === `\`${topic}\``)!
      const owners = groups.filter((group) => group.topic === topic)
      const told = owners.map((owner) => `\`${owner.group}\`: \`${names.state(owner)}\``)
      if (told.length > 0) expect(readers!.split('; ').sort()).toEqual(told.sort())
      expect(cleanup).toBe('`delete`')
    }
    expect(table).toHaveLength(Object.values(TOPIC).length + 1)
    expect(page).toContain(`so \`${names.group({ group: 'storage-calls', topic: TOPIC.calls })}\``)
    expect(page).toContain(`\`max.message.bytes\` is ${MAX_MESSAGE_BYTES} for all of them`)
  })

  it('tells of every metric that there is, and of no other', async () => {
    const told = new Set(
      code.filter((text) => /^eastwatch_[a-z_]+$/.test(text) && !/^eastwatch_(reader|writer)$/.test(text)),
    )
    expect([...told].sort()).toEqual([...new Set([...declaredMetrics(), ...(await collectorMetrics())])].sort())
  })

  it('takes its figures of size from docs/performance.md', () => {
    const measured = textOf('docs/performance.md')
    const figures = rows(section('How large')).flatMap(([, figure]) => figure!.split(/ per | under |; | at /))
    expect(figures.length).toBeGreaterThan(5)
    for (const figure of figures.filter((text) => /\d/.test(text))) {
      const amount = figure.match(/[\d.,]+(?: to [\d.,]+)?/)![0]
      expect(measured, figure).toContain(amount)
    }
    expect(measured).toContain('667,000 rows/s')
  })

  it('every command is one: of eastwatch, or of a tool with things that deploy/ has', () => {
    const [compose] = documentsOf('deploy/compose/compose.yaml') as [{ services: object }]
    const kafkaTools = new Set(['kafka-configs.sh', 'kafka-topics.sh'])
    expect(commands.length).toBeGreaterThan(20)
    for (const command of commands) {
      const [tool, ...words] = command.split(' ')
      switch (tool) {
        case 'docker':
          expect(command).toMatch(/^docker (build -f|run --rm eastwatch:|compose (up|exec|kill))/)
          for (const name of /(?:exec|HUP|recreate) (\w+)/.exec(command)?.slice(1) ?? [])
            expect(compose.services).toHaveProperty(name)
          break
        case 'kubectl':
          expect(command).toMatch(
            /^kubectl (-n eastwatch )?(apply -[fk]|rollout (status|restart|undo)|exec|create configmap|scale|set image) /,
          )
          for (const [, role] of command.matchAll(/deployment\/(\w+)/g)) expect(ALL_ROLES).toContain(role)
          break
        case 'eastwatch':
          expect(COMMANDS.map(({ name }) => name)).toContain(words[0])
          break
        case 'clickhouse-client':
          expect(command).toMatch(/^clickhouse-client --query ".*"$/)
          break
        case 'sh':
          expect(existsSync(join(ROOT, 'deploy/compose', words[0]!))).toBe(true)
          break
        case 'node':
        case 'npm':
        case 'npx':
          for (const path of words.filter((word) => /^(test|dist)\//.test(word)))
            expect(existsSync(join(ROOT, path)), path).toBe(true)
          break
        default:
          expect(kafkaTools, command).toContain(tool)
          expect(command).toMatch(/ --bootstrap-server \S+ /)
      }
      for (const [, inner] of command.matchAll(/\beastwatch (query|config|doctor|token)\b/g))
        expect(COMMANDS.map(({ name }) => name)).toContain(inner)
    }
  })

  it('every file and every page that it names is there', () => {
    const paths = [...code, ...commands.flatMap((command) => command.split(' '))].filter((text) =>
      /^(deploy|docs)\/[\w./-]+$/.test(text),
    )
    expect(paths.length).toBeGreaterThan(5)
    for (const path of paths) expect(existsSync(join(ROOT, path)), path).toBe(true)
    for (const [, link] of page.matchAll(/\]\(([^)]+)\)/g)) {
      const [file, anchor] = link!.split('#') as [string, string?]
      const target = file === '' ? 'docs/operate.md' : join('docs', file)
      expect(existsSync(join(ROOT, target)), target).toBe(true)
      if (anchor === undefined) continue
      const headings = [...textOf(target).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
        title!
          .toLowerCase()
          .replaceAll('`', '')
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      )
      expect(headings).toContain(anchor)
    }
    const files = filesOf('deploy').map((path) => path.replace(`${dirname(path)}/`, ''))
    for (const name of code.filter((text) => /^[\w.-]+\.yaml$/.test(text))) expect(files, name).toContain(name)
  })

  it('quotes messages that the program has', () => {
    const source = ['storage/migrate.ts', 'detectors/engine/machine.ts', 'core/bus/kafka/partition-owner.ts']
      .map(textOf)
      .join('\n')
    for (const quoted of [
      "the store's schema is at migration",
      'what the detectors remember of',
      ', and the log begins at ',
    ]) {
      expect(page).toContain(quoted)
      expect(source).toContain(quoted)
    }
  })

  it('its scrape configuration names the job that the rules go by, and the port that the pods have', () => {
    const [{ scrape_configs, rule_files }] = blocks('yaml').map((text) => parse(text)) as [
      { scrape_configs: { job_name: string; relabel_configs: { regex?: string }[] }[]; rule_files: string[] },
    ]
    const [job] = scrape_configs
    expect(textOf('deploy/prometheus/eastwatch-rules.yaml')).toContain(`up{job="${job!.job_name}"}`)
    expect(textOf('deploy/kubernetes/alerts.yaml')).toContain(`name: ${job!.relabel_configs[0]!.regex}, containerPort`)
    expect(existsSync(join(ROOT, 'deploy/prometheus', rule_files[0]!))).toBe(true)
  })

  it.skipIf(noEngine())('its SQL is SQL to the engine', async () => {
    const statements = [
      ...commands.flatMap((command) => /--query "(.*)"$|query "(.*)"$/.exec(command)?.slice(1) ?? []),
      ...code.filter((text) => /^(SELECT|TRUNCATE|SYSTEM|BACKUP|RESTORE) /.test(text)),
    ].filter((text) => text !== undefined)
    expect(statements.length).toBeGreaterThan(6)
    const store = await openStore()
    try {
      const format = (query: string) => store.store.rows('SELECT formatQuery({query:String}) AS it', { query })
      for (const query of statements) await expect(format(query), query).resolves.toHaveLength(1)
      await expect(format('BACKUP DATABASE eastwatch OF Disk()')).rejects.toThrow('Syntax error')
    } finally {
      await store.stop()
    }
  })
})
