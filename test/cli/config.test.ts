import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { eastwatch, folderWith } from './command.ts'

const ROOT = join(import.meta.dirname, '../..')
const folders: string[] = []

function prepared(config: string): string {
  const folder = folderWith(config)
  folders.push(folder)
  return folder
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const RECEIVERS = `alerts:
  receivers:
    - name: ops
      type: webhook
      url: https://hooks.example.com/eastwatch
      secret: \${HOOK_SECRET}
storage:
  readerPassword: file:password
`

describe('eastwatch config', () => {
  it('check says that a good file is fine', async () => {
    const folder = prepared('logLevel: warn\n')
    expect(await eastwatch(folder, ['config', 'check'])).toEqual({
      code: 0,
      out: 'the configuration is fine\n',
      err: '',
    })
  })

  it('check names every problem with line and column, exit code 2', async () => {
    const folder = prepared('logLevel: loud\ncollector:\n  tickMs: -1\n  tick: 1\n')
    const { code, out, err } = await eastwatch(folder, ['config', 'check'])
    expect([code, out]).toEqual([2, ''])
    const file = `${folder}/eastwatch.yaml`
    expect(err).toContain(`${file}:1:1: logLevel: `)
    expect(err).toContain(`${file}:3:3: collector.tickMs: `)
    expect(err).toContain(`${file}:4:3: unknown key collector.tick`)
    expect(err).not.toMatch(/^ +at /m)
  })

  it('check names the place where YAML is broken', async () => {
    const folder = prepared('collector:\n  grpcAddress: "127.0.0.1:0\n')
    const { code, err } = await eastwatch(folder, ['config', 'check'])
    expect(code).toBe(2)
    expect(err).toMatch(/eastwatch\.yaml:\d+:\d+: Missing closing "quote/)
  })

  it('check names an environment variable that is not set', async () => {
    const folder = prepared(RECEIVERS)
    const { code, err } = await eastwatch(folder, ['config', 'check'])
    expect(code).toBe(2)
    expect(err).toContain('eastwatch.yaml:6:15: environment variable HOOK_SECRET is not set')
  })

  it('check names a TLS text that is none, with its place', async () => {
    const folder = prepared('collector:\n  tls:\n    certificate: /etc/tls.crt\n    key: /etc/tls.key\n')
    const { code, err } = await eastwatch(folder, ['config', 'check'])
    expect(code).toBe(2)
    expect(err).toContain('eastwatch.yaml:3:5: collector.tls.certificate: holds no certificate in PEM')
    expect(err).toContain('eastwatch.yaml:4:5: collector.tls.key: holds no private key in PEM')
  })

  it('print fills in every default and hides secrets', async () => {
    const folder = prepared(RECEIVERS)
    writeFileSync(join(folder, 'password'), 'very-private\n')
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    const { code, out } = await eastwatch(folder, ['config', 'print'], { HOOK_SECRET: secret })
    expect(code).toBe(0)
    expect(out).not.toContain('very-private')
    expect(out).not.toContain(secret)
    expect(parse(out)).toMatchObject({
      dataFolder: `${folder}/eastwatch-data`,
      collector: { grpcAddress: '127.0.0.1:4317' },
      storage: { readerPassword: '(hidden)', port: 8123 },
      alerts: { receivers: [{ name: 'ops', url: 'https://hooks.example.com/eastwatch', secret: '(hidden)' }] },
    })
  })

  it('print hides the secrets of receivers of every kind', async () => {
    const secrets = {
      ROUTING_KEY: 'R0123456789abcdef0123456789ABCDE',
      SLACK_URL: 'https://hooks.slack.com/services/T000/B000/private',
      PASSWORD: 'very-private',
      TOKEN: 'private-too',
      SIGNING: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    }
    const receivers = [
      { type: 'pagerduty', routingKey: '${ROUTING_KEY}' },
      { type: 'slack', webhookUrl: '${SLACK_URL}' },
      { type: 'alertmanager', url: 'https://am.example', basicAuth: { username: 'me', password: '${PASSWORD}' } },
      { type: 'alertmanager_webhook', url: 'https://hook.example', bearerToken: '${TOKEN}', secret: '${SIGNING}' },
      { type: 'ocsf', url: 'https://siem.example', bearerToken: '${TOKEN}' },
      { type: 'file', path: 'incidents.jsonl' },
      { type: 'stdout' },
    ].map((receiver) => ({ name: receiver.type, ...receiver }))
    const folder = prepared(stringify({ alerts: { receivers } }))
    const { code, out } = await eastwatch(folder, ['config', 'print'], secrets)
    expect(code).toBe(0)
    for (const secret of Object.values(secrets)) expect(out).not.toContain(secret)
    const printed = parse(out).alerts.receivers
    expect(JSON.stringify(printed).match(/\(hidden\)/g)?.length).toBe(6)
    expect(printed[2]).toMatchObject({ url: 'https://am.example', basicAuth: { username: 'me' } })
  })

  it('schema is a JSON schema in which every key is described', async () => {
    const { code, out } = await eastwatch(prepared(''), ['config', 'schema'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ type: 'object', properties: { dataFolder: { default: 'eastwatch-data' } } })
    expect(undescribed(JSON.parse(out))).toEqual([])
  })

  it('docs/configuration.md is what the schema says', () => {
    const folder = prepared('')
    const file = join(folder, 'configuration.md')
    execFileSync(process.execPath, [join(ROOT, 'scripts/config-reference.mjs'), file])
    expect(readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8'), 'run: node scripts/config-reference.mjs').toBe(
      readFileSync(file, 'utf8'),
    )
  })
})

describe('eastwatch', () => {
  it('shows every command with --help, and its own usage after a command', async () => {
    const folder = prepared('')
    const help = await eastwatch(folder, ['--help'])
    expect(help.code).toBe(0)
    for (const name of ['up', 'demo', 'query', 'doctor', 'config']) {
      expect(help.out).toMatch(new RegExp(`^ {2}${name} `, 'm'))
    }
    for (const name of ['up', 'demo', 'query', 'doctor', 'config']) {
      const { code, out } = await eastwatch(folder, [name, '-h'])
      expect(code).toBe(0)
      // Every option of the usage is explained.
      for (const option of /Usage: .*/.exec(out)![0].match(/--[a-z]+/g) ?? []) {
        expect(out).toMatch(new RegExp(`^ {2}${option}\\b.* {2}\\S`, 'm'))
      }
    }
    const one = await eastwatch(folder, ['doctor', '--help'])
    expect([one.code, one.out]).toEqual([0, expect.stringContaining('Usage: eastwatch doctor [--config FILE]')])
  })

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(await eastwatch(prepared(''), ['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  it('help and a check of the configuration load nothing of the pipeline: they are there at once', async () => {
    const folder = prepared('logLevel: warn\n')
    const heavy = [
      '@grpc/grpc-js',
      'lmdb',
      'express',
      '@opentelemetry/sdk-node',
      '@clickhouse/client',
      'chdb',
      'kafkajs',
    ]
    const hooks = `export const resolve = (name, context, next) => {
      if (${JSON.stringify(heavy)}.includes(name)) throw new Error(name + ' is loaded')
      return next(name, context)
    }`
    writeFileSync(
      join(folder, 'light.mjs'),
      `import { register } from 'node:module'\nregister('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))\n`,
    )
    const light = { NODE_OPTIONS: `--import ${join(folder, 'light.mjs')}` }
    for (const args of [['--help'], ['query', '--help'], ['--version'], ['config', 'check'], ['config', 'print']]) {
      const { code, err } = await eastwatch(folder, args, light)
      expect([code, err], args.join(' ')).toEqual([0, ''])
    }
    expect((await eastwatch(folder, ['up'], light)).err).toContain('is loaded')
  })

  it('wrong use is exit code 2 with the usage', async () => {
    const folder = prepared('')
    for (const [args, text] of [
      [[], 'Usage: eastwatch <command>'],
      [['watch'], 'there is no command "watch"'],
      [['up', '--port', '1'], 'Usage: eastwatch up [--config FILE]'],
      [['config'], 'say check, schema or print'],
    ] as const) {
      const { code, out, err } = await eastwatch(folder, [...args])
      expect([code, out + err], args.join(' ')).toEqual([2, expect.stringContaining(text)])
    }
  })

  it('query and doctor without a store say what makes one', async () => {
    const folder = prepared('')
    for (const args of [['query', 'SELECT 1'], ['doctor']]) {
      const { code, err } = await eastwatch(folder, args)
      expect(code).toBe(1)
      expect(err).toContain(`there is no store in ${folder}/eastwatch-data yet: eastwatch up`)
    }
  })
})

interface Node {
  properties?: Record<string, Node>
  items?: Node
  oneOf?: Node[]
  description?: string
}

/** Paths of keys that hold a value and are not described; a section may speak through its keys. */
function undescribed(node: Node, path = ''): string[] {
  const own = Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const at = `${path}.${name}`
    return child.properties === undefined && child.description === undefined ? [at] : undescribed(child, at)
  })
  const items = node.items === undefined ? [] : (node.items.oneOf ?? [node.items])
  return [...own, ...items.flatMap((item) => undescribed(item, path))]
}
