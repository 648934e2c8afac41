/** Grafana's driver and frames for a test, by the very script that people use: scripts/grafana-plugin/main.mjs. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const SCRIPT = join(import.meta.dirname, '../../scripts/grafana-plugin/main.mjs')

/** The program, or a sentence that says why there is none here. */
export async function requireGrafanaPlugin(): Promise<{ program: string } | { missing: string }> {
  try {
    const { stdout } = await run(process.execPath, [SCRIPT])
    return { program: stdout.trim().replace('GRAFANA_PLUGIN=', '') }
  } catch (error) {
    return { missing: (error as { stderr: string }).stderr.trim().split('\n').at(-1) ?? '' }
  }
}

export interface DataSource {
  program: string
  /** Of the endpoint. */
  url: string
  password: string
  user?: string
  database?: string
  compression?: 'gzip' | 'none' | 'deflate' | 'br' | 'lz4' | 'zstd'
  /** Custom settings, each `name=value`. */
  settings?: readonly string[]
}

export interface GrafanaQuery {
  sql?: string
  from?: string
  to?: string
  /** frame: as a panel gets it, the default; rows: as the driver gives them; connect: a connection and a ping. */
  format?: 'frame' | 'rows' | 'connect'
  timeSeries?: boolean
  intervalMs?: number
  timeoutMs?: number
  cancelMs?: number
}

export interface GrafanaAnswer {
  /** As sent, macros replaced. */
  sql?: string
  frame?: {
    schema: { fields: { name: string; type: string; labels?: Record<string, string> }[] }
    data: { values: unknown[][] }
  }
  names?: string[]
  types?: string[]
  rows?: unknown[][]
  count: number
  error?: string
}

/** One data source asked these queries, one after another. */
export async function askGrafana(source: DataSource, queries: readonly GrafanaQuery[]): Promise<GrafanaAnswer[]> {
  const { hostname, port } = new URL(source.url)
  const options = [
    ...['-host', hostname, '-port', port, '-database', source.database ?? 'eastwatch'],
    ...['-user', source.user ?? 'eastwatch_reader', '-compression', source.compression ?? 'gzip'],
    ...(source.settings ?? []).flatMap((setting) => ['-setting', setting]),
  ]
  const child = spawn(source.program, options, {
    env: { ...process.env, GRAFANA_PLUGIN_PASSWORD: source.password },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  child.stdin.end(queries.map((query) => `${JSON.stringify(query)}\n`).join(''))
  await once(child, 'close')
  return said
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
