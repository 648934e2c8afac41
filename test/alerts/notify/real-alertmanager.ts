/** Debian's Alertmanager, on a free port, with its webhooks sent to where a test says. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'

const TEMPLATES = '/usr/share/prometheus/alertmanager'

export interface AlertmanagerAlert {
  labels: Record<string, string>
  annotations: Record<string, string>
  startsAt: string
  endsAt: string
  generatorURL?: string
  status: { state: string }
}

export interface RealAlertmanager {
  url: string
  /** What it holds as active. */
  alerts(): Promise<AlertmanagerAlert[]>
  stop(): Promise<void>
}

export async function startAlertmanager(program: string, webhook: string): Promise<RealAlertmanager> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-alertmanager-'))
  const file = join(folder, 'alertmanager.yml')
  const route = { receiver: 'hook', group_by: ['alertname'], group_wait: '1ms', group_interval: '1s' }
  writeFileSync(file, stringify({ route, receivers: [{ name: 'hook', webhook_configs: [{ url: webhook }] }] }))
  const args = [
    `--config.file=${file}`,
    `--storage.path=${join(folder, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
    '--cluster.listen-address=',
  ]
  const { path, cwd } = runnable(program, folder)
  const child = spawn(path, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  const url = `http://${await listening(child)}`
  return {
    url,
    alerts: async () => {
      const answer = await fetch(`${url}/api/v2/alerts?active=true`)
      return (await answer.json()) as AlertmanagerAlert[]
    },
    stop: async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/**
 * Debian's build wants its templates at a fixed place, where only an installation puts them. Of a package that was merely unpacked, a copy
 * that looks for them where it stands.
 */
function runnable(program: string, folder: string): { path: string; cwd: string } {
  const templates = join(dirname(program), '../share/prometheus/alertmanager')
  if (existsSync(TEMPLATES) || !existsSync(templates)) return { path: program, cwd: folder }
  const bytes = readFileSync(program)
  const here = './'.repeat(TEMPLATES.length / 2)
  for (let at = bytes.indexOf(TEMPLATES); at >= 0; at = bytes.indexOf(TEMPLATES, at + 1)) bytes.write(here, at)
  const path = join(folder, 'alertmanager')
  writeFileSync(path, bytes, { mode: 0o700 })
  return { path, cwd: templates }
}

/** The address it says that it listens on. Goes on reading what it says, which it would stop for. */
function listening(child: ChildProcess): Promise<string> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`Alertmanager ended: ${said}`)))
    child.stderr!.on('data', (text) => {
      if (said.length < 100_000) said += text
      const address = /msg="?Listening.*?address=(127\.0\.0\.1:\d+)/.exec(said)?.[1]
      if (address !== undefined) resolve(address)
    })
  })
}
