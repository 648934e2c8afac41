/**
 * A broker of its own for a test file, by the very script that people use: scripts/kafka/main.mjs. KAFKA_BROKERS names another one in its
 * place, for all that neither kills it nor needs its users.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const SCRIPT = join(import.meta.dirname, '../../scripts/kafka/main.mjs')
const LOOK_MS = 20

export interface Broker {
  /** host:port; the same over restarts. */
  readonly brokers: string
  stop(): Promise<void>
}

export interface OwnBroker extends Broker {
  /** Starts it again, with all that it held. */
  start(): Promise<void>
  /** SIGKILL, and gone when this resolves. */
  kill(): Promise<void>
  /** It stands still, with all of its connections: SIGSTOP, until `resume`. */
  pause(): void
  resume(): void
}

/** With TLS, users that log in, and access lists; `brokers` is its plain listener, where everything is allowed. */
export interface SecureBroker extends OwnBroker {
  /** Wants TLS and a log-in. */
  readonly saslBrokers: string
  /** Wants TLS and a certificate. */
  readonly tlsBrokers: string
  /** PEM of the authority of it all. */
  readonly ca: string
  /** Of `admin`, who may do everything, or a role's name. */
  credentials(user: string): { certificate: string; key: string; password: string }
}

/** What the script says and how it ends; never rejects. */
export async function kafka(...args: string[]): Promise<{ code: number; said: string; error: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [SCRIPT, ...args])
    return { code: 0, said: stdout.trim(), error: stderr.trim() }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, said: stdout.trim(), error: stderr.trim() }
  }
}

/** A broker, or a sentence that says why there is none here. */
export async function startBroker(): Promise<Broker | { missing: string }> {
  const { KAFKA_BROKERS: brokers } = process.env
  if (brokers === undefined) return startOwnBroker()
  return { brokers, stop: async () => {} }
}

/** One with nothing in it, that may be killed. */
export async function startOwnBroker(): Promise<OwnBroker | { missing: string }> {
  const { KAFKA_BROKERS } = process.env
  if (KAFKA_BROKERS !== undefined) return { missing: 'KAFKA_BROKERS is set, and that broker is not to be killed' }
  const started = await startIn(mkdtempSync(join(tmpdir(), 'eastwatch-kafka-')))
  return 'missing' in started ? started : started.broker
}

export async function startSecureBroker(): Promise<SecureBroker | { missing: string }> {
  const started = await startIn(mkdtempSync(join(tmpdir(), 'eastwatch-kafka-')), '--secure')
  if ('missing' in started) return started
  const { broker, said } = started
  const file = (name: string) => readFileSync(join(said.get('KAFKA_TLS_FOLDER')!, name), 'utf8')
  return {
    ...broker,
    saslBrokers: said.get('KAFKA_SASL_BROKERS')!,
    tlsBrokers: said.get('KAFKA_TLS_BROKERS')!,
    ca: file('ca.pem'),
    credentials: (user) => ({ certificate: file(`${user}.pem`), key: file(`${user}.key`), password: `${user}-secret` }),
  }
}

async function startIn(
  folder: string,
  ...how: string[]
): Promise<{ broker: OwnBroker; said: Map<string, string> } | { missing: string }> {
  const start = () => kafka('start', '--folder', folder, ...how)
  const { code, said, error } = await start()
  if (code !== 0) return { missing: error }
  const pid = () => Number(readFileSync(join(folder, 'pid'), 'utf8'))
  const values = new Map(said.split('\n').map((line) => line.split('=', 2) as [string, string]))
  const broker: OwnBroker = {
    brokers: values.get('KAFKA_BROKERS')!,
    async start() {
      const again = await start()
      if (again.code !== 0) throw new Error(again.error)
    },
    async kill() {
      const killed = pid()
      process.kill(killed, 'SIGKILL')
      while (isRunning(killed)) await delay(LOOK_MS)
    },
    pause: () => void process.kill(pid(), 'SIGSTOP'),
    resume: () => void process.kill(pid(), 'SIGCONT'),
    async stop() {
      await kafka('stop', '--folder', folder)
    },
  }
  return { broker, said: values }
}

function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0] !== 'Z'
  } catch {
    return false
  }
}
