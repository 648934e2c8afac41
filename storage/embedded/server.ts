/**
 * The child process that owns the store's folder: opens it, answers ClickHouse's HTTP interface on loopback, and ends with its
 * parent. Started by supervisor.ts; not for use by hand.
 */
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { listenOn } from '../../core/listen.ts'
import { removeEndpoint, writeEndpoint } from './endpoint.ts'
import { Engine } from './engine.ts'
import { createInterface } from './interface.ts'
import type { ChildMessage, StartMessage, StopMessage } from './messages.ts'
import { READER, WRITER } from './request.ts'
import { Spool } from './spool.ts'

const MAX_INSERT_BYTES = 512 * 1024 * 1024
const DRAIN_MS = 5_000
const SHOWN_SQL = 300

// A parent that is gone takes this process with it, at once: the store is made to survive that, and the next start needs the folder.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// Ctrl-C goes to the whole group; the parent decides when this process stops.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

let running: { server: Server; engine: Engine; spool: Spool; folder: string } | undefined

process.on('message', (message: StartMessage | StopMessage) => {
  if (message.type === 'stop') stop()
  else start(message).catch(fail)
})

async function start(options: StartMessage): Promise<void> {
  const home = prepareFolder(options.folder)
  writeFileSync(join(options.folder, 'writer-password'), `${options.writerPassword}\n`, { mode: 0o600 })
  const engine = await Engine.open(home)
  const spool = new Spool(home, MAX_INSERT_BYTES)
  const server = createInterface({
    engine,
    spool,
    passwords: { [WRITER]: options.writerPassword, [READER]: options.readerPassword },
    limits: options.limits,
    readsAtOnce: options.readsAtOnce,
    overdue: (sql) => {
      const end = () => process.kill(process.pid, 'SIGKILL')
      process.send?.(
        { type: 'overdue', sql: sql.slice(0, SHOWN_SQL) } satisfies ChildMessage,
        undefined,
        undefined,
        end,
      )
    },
  })
  const port = await listenOn(server, `127.0.0.1:${options.port}`, 'storage.port')
  running = { server, engine, spool, folder: options.folder }
  writeEndpoint(options.folder, { pid: process.pid, port: (server.address() as AddressInfo).port })
  tell({ type: 'ready', port })
}

function stop(): void {
  if (running === undefined) process.exit(0)
  const { server, engine, spool, folder } = running
  removeEndpoint(folder)
  const end = () => {
    engine.close()
    spool.remove()
    process.exit(0)
  }
  server.close(end)
  server.closeIdleConnections()
  setTimeout(end, DRAIN_MS).unref()
}

function prepareFolder(folder: string): string {
  const home = join(folder, 'clickhouse')
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK)
    const probe = join(home, '.probe')
    writeFileSync(probe, 'x')
  } catch (cause) {
    throw new PipelineError('folder_unusable', `data folder ${folder} cannot be written: ${messageOf(cause)}`, {
      cause,
    })
  }
  return home
}

function fail(error: unknown): void {
  const known = error instanceof PipelineError
  const code = known ? error.code : 'folder_unusable'
  const message = known ? error.message : `the store cannot start: ${messageOf(error)}`
  tell({ type: 'failed', code, message, retriable: known && error.retriable })
  process.disconnect()
}

function tell(message: ChildMessage): void {
  process.send?.(message, undefined, undefined, () => {
    // A parent that has died hears nothing; its end of the channel closes, and that stops this process.
  })
}
