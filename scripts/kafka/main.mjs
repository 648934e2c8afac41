/**
 * A real Apache Kafka broker on loopback, for development and tests, without containers.
 *
 *   npm run kafka -- start [--folder <folder>] [--secure]   starts it, or finds it running; prints where it is
 *   npm run kafka -- stop  [--folder <folder>]              stops it; its records stay, and the next start goes on with them
 *   npm run kafka -- tool <class> [arguments ...]           runs one of Kafka's tools, as org.apache.kafka.tools.AclCommand
 *
 * One folder is one broker (KRaft, one node), with ports of its own that stay the same over restarts, also after it was killed. With
 * --secure it has TLS, users and access lists as well (secure.mjs); a folder stays what it was made as.
 */
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { CACHE, java, Refusal, requireJars, requireJava } from './jars.mjs'
import { makeCertificates, SCRAM_USERS, SECURE_LISTENERS, secureProperties } from './secure.mjs'

const START_MS = 60_000
const STOP_MS = 30_000
const LOOK_MS = 100
const FIRST_PORT = 10_000
const PORTS = 2000
/** A port that was free a moment ago may be another's by now. */
const NEW_PORTS = 3

const run = promisify(execFile)

/**
 * Below those that the system gives to whoever asks for any: while the broker is away such a port soon is another's, if only of a client
 * that tries to come back.
 */
async function freePort() {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    const server = createServer()
    const isFree = await new Promise((done) => {
      server.once('error', () => done(false))
      server.listen(port, '127.0.0.1', () => done(true))
    })
    if (!isFree) continue
    await new Promise((done) => server.close(done))
    return port
  }
}

async function properties(folder, secure) {
  const protocols = { PLAINTEXT: 'PLAINTEXT', CONTROLLER: 'PLAINTEXT', ...(secure ? SECURE_LISTENERS : {}) }
  const addresses = new Map()
  for (const name of Object.keys(protocols)) addresses.set(name, `127.0.0.1:${await freePort()}`)
  const listeners = [...addresses].map(([name, address]) => `${name}://${address}`).join(',')
  return `${Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': addresses.get('CONTROLLER'),
    listeners,
    'advertised.listeners': listeners,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': Object.entries(protocols)
      .map((one) => one.join(':'))
      .join(','),
    'log.dirs': join(folder, 'data'),
    // Partition counts are a contract: a topic that nobody made is an error, never made in passing.
    'auto.create.topics.enable': false,
    // One node has one copy of everything.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // Tests must not wait for members that do not come, nor for those that were killed.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    ...(secure ? secureProperties(tlsFolder(folder)) : {}),
  })
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`
}

const tlsFolder = (folder) => join(folder, 'tls')

/** Made whole or not at all: what `format` leaves half done is made anew. */
async function requireFormatted(folder, secure) {
  const file = join(folder, 'server.properties')
  if (existsSync(file)) {
    if (secure === (secureBrokersOf(file) !== undefined)) return file
    throw new Refusal(`${folder} is a ${secure ? 'plain' : 'secure'} broker's; name another folder`)
  }
  rmSync(join(folder, 'data'), { recursive: true, force: true })
  const draft = join(folder, 'server.properties.draft')
  if (secure) {
    mkdirSync(tlsFolder(folder), { recursive: true })
    makeCertificates(tlsFolder(folder))
  }
  writeFileSync(draft, await properties(folder, secure))
  // Sixteen bytes as Kafka writes them; with a dash in front the tool would take it for an option.
  const id = `A${Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url').slice(1)}`
  const users = secure ? SCRAM_USERS : []
  await run('java', java('kafka.tools.StorageTool', 'format', '--standalone', '-t', id, '-c', draft, ...users))
  renameSync(draft, file)
  return file
}

/** The broker's process, or undefined where none runs. */
function runningPid(folder) {
  try {
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
    // A number that another program has by now is not the broker's.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join(folder, 'server.properties')) ? pid : undefined
  } catch {
    return undefined
  }
}

const listenerOf = (name, file) =>
  new RegExp(`^listeners=(?:.*,)?${name}://([\\d.:]+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1]
const brokersOf = (file) => listenerOf('PLAINTEXT', file)
const secureBrokersOf = (file) => listenerOf('SASL_SSL', file)

async function start(folder, { secure = false }) {
  await requireJava()
  await requireJars()
  mkdirSync(folder, { recursive: true })
  const isNew = !existsSync(join(folder, 'server.properties'))
  let file = await requireFormatted(folder, secure)
  for (let left = isNew ? NEW_PORTS : 1; runningPid(folder) === undefined; left -= 1) {
    try {
      await launch(folder, file)
    } catch (error) {
      if (left === 1 || !readFileSync(join(folder, 'broker.log'), 'utf8').includes('Address already in use'))
        throw error
      rmSync(file)
      file = await requireFormatted(folder, secure)
    }
  }
  console.log(`KAFKA_BROKERS=${brokersOf(file)}`)
  if (!secure) return
  console.log(`KAFKA_SASL_BROKERS=${secureBrokersOf(file)}`)
  console.log(`KAFKA_TLS_BROKERS=${listenerOf('SSL', file)}`)
  console.log(`KAFKA_TLS_FOLDER=${tlsFolder(folder)}`)
}

async function launch(folder, file) {
  const log = join(folder, 'broker.log')
  rmSync(log, { force: true })
  const output = openSync(log, 'a')
  const quiet = [
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
  ]
  const broker = spawn('java', ['-Xmx512m', ...quiet, ...java('kafka.Kafka', file)], {
    detached: true,
    stdio: ['ignore', output, output],
  })
  broker.unref()
  writeFileSync(join(folder, 'pid'), String(broker.pid))
  const giveUpAt = Date.now() + START_MS
  while (!readFileSync(log, 'utf8').includes('Kafka Server started')) {
    if (broker.exitCode !== null) throw new Refusal(`the broker ended with ${broker.exitCode}; it says why in ${log}`)
    if (Date.now() > giveUpAt) throw new Refusal(`the broker did not start within ${START_MS / 1000} s; see ${log}`)
    await delay(LOOK_MS)
  }
}

async function stop(folder) {
  const pid = runningPid(folder)
  if (pid === undefined) {
    console.log('no broker is running')
    return
  }
  process.kill(pid, 'SIGTERM')
  const killAt = Date.now() + STOP_MS
  for (let killed = false; runningPid(folder) !== undefined; await delay(LOOK_MS)) {
    if (killed || Date.now() < killAt) continue
    process.kill(pid, 'SIGKILL')
    killed = true
  }
  rmSync(join(folder, 'pid'), { force: true })
  console.log('stopped')
}

/** Ends as the tool ends. */
async function tool(mainClass, args) {
  await requireJava()
  await requireJars()
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
  const child = spawn('java', [quiet, ...java(mainClass, ...args)], { stdio: 'inherit' })
  process.exitCode = await new Promise((done) => child.once('exit', (code) => done(code ?? 1)))
}

const USE = 'use: npm run kafka -- start|stop [--folder <folder>] [--secure], or tool <class> [arguments ...]'
const COMMANDS = { start, stop }
const OPTIONS = { folder: { type: 'string' }, secure: { type: 'boolean' } }

async function main([first, second, ...rest]) {
  if (first === 'tool' && second !== undefined) return tool(second, rest)
  const { positionals, values } = parseArgs({ allowPositionals: true, options: OPTIONS })
  const command = positionals.length === 1 && Object.hasOwn(COMMANDS, positionals[0]) && COMMANDS[positionals[0]]
  if (!command) throw new TypeError(USE)
  return command(resolve(values.folder ?? join(CACHE, values.secure ? 'secure-broker' : 'broker')), values)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(`kafka: ${error.message}`)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
