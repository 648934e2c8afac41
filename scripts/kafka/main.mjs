/**
 * A real Apache Kafka broker on loopback, for development and tests, without containers.
 *
 *   npm run kafka -- start [--folder <folder>]   starts it, or finds it running; prints KAFKA_BROKERS=<host:port>
 *   npm run kafka -- stop  [--folder <folder>]   stops it; its records stay, and the next start goes on with them
 *
 * The jars come from Maven Central by pom.xml, once, into .cache/kafka. One folder is one broker (KRaft, one node), with ports of its
 * own that stay the same over restarts, also after it was killed.
 */
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'

const VERSION = /<version>(4\.[\d.]+)</.exec(readFileSync(join(import.meta.dirname, 'pom.xml'), 'utf8'))[1]
const CACHE = join(import.meta.dirname, '../../.cache/kafka')
const JARS = join(CACHE, VERSION)
const JAVA_AT_LEAST = 17
const RESOLVE_MS = 300_000
const START_MS = 60_000
const STOP_MS = 30_000
const LOOK_MS = 100

const run = promisify(execFile)

class Refusal extends Error {}

async function requireJava() {
  if (process.platform !== 'linux') throw new Refusal(`this needs Linux, and this is ${process.platform}`)
  const { stderr } = await run('java', ['-version']).catch(() => {
    throw new Refusal(`Kafka needs Java ${JAVA_AT_LEAST} or later, and there is no java here; install a Java runtime`)
  })
  const version = Number(/version "(\d+)/.exec(stderr)?.[1])
  if (version < JAVA_AT_LEAST) {
    throw new Refusal(`Kafka ${VERSION} needs Java ${JAVA_AT_LEAST} or later, this is Java ${version}`)
  }
}

/** Resolves beside the final folder and renames, so that two runs at once both end with a whole one. */
async function requireJars() {
  if (existsSync(JARS)) return
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, 'resolve-'))
  console.error(`resolving Kafka ${VERSION} with Maven, once ...`)
  try {
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${work}/jars`]
    await run('mvn', ['-B', '-q', '-f', join(import.meta.dirname, 'pom.xml'), ...goal], { timeout: RESOLVE_MS })
    renameSync(join(work, 'jars'), JARS)
  } catch (error) {
    if (existsSync(JARS)) return
    if (error.code === 'ENOENT') throw new Refusal('Kafka is resolved by Maven, and there is no mvn here; install it')
    const said = String(error.stdout ?? '')
      .trim()
      .split('\n')
      .slice(0, 3)
      .join(' ')
    throw new Refusal(`Maven cannot resolve Kafka ${VERSION}: ${said || error.message}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function freePort() {
  const server = createServer()
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}

function properties(folder, port, controllerPort) {
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`
  return `${Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    listeners,
    'advertised.listeners': listeners,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
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
  })
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`
}

const java = (...args) => ['-cp', join(JARS, '*'), ...args]

/** Made whole or not at all: what `format` leaves half done is made anew. */
async function requireFormatted(folder) {
  const file = join(folder, 'server.properties')
  if (existsSync(file)) return file
  rmSync(join(folder, 'data'), { recursive: true, force: true })
  const draft = join(folder, 'server.properties.draft')
  writeFileSync(draft, properties(folder, await freePort(), await freePort()))
  const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
  await run('java', java('kafka.tools.StorageTool', 'format', '--standalone', '-t', id, '-c', draft))
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

const brokersOf = (file) => /^listeners=PLAINTEXT:\/\/([\d.:]+)/m.exec(readFileSync(file, 'utf8'))[1]

async function start(folder) {
  await requireJava()
  await requireJars()
  mkdirSync(folder, { recursive: true })
  const file = await requireFormatted(folder)
  if (runningPid(folder) === undefined) await launch(folder, file)
  console.log(`KAFKA_BROKERS=${brokersOf(file)}`)
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

const COMMANDS = { start, stop }

try {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { folder: { type: 'string' } } })
  const command = positionals.length === 1 && Object.hasOwn(COMMANDS, positionals[0]) && COMMANDS[positionals[0]]
  if (!command) throw new TypeError('use: npm run kafka -- start|stop [--folder <folder>]')
  await command(resolve(values.folder ?? join(CACHE, 'broker')))
} catch (error) {
  console.error(`kafka: ${error.message}`)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
