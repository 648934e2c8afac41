/**
 * The embedded ClickHouse engine (chDB) on one folder. Each query runs in a session of its own (opening one takes a millisecond):
 * settings set on a chDB session stay on it, so a shared one would carry a reader's limits into a write, or a token into the next
 * insert. Queries run on libuv's threads; the event loop stays free.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Session as ChdbSession } from 'chdb'
import { messageOf, PipelineError } from '../../core/errors.ts'

export interface QueryLimits {
  maxSeconds: number
  maxMemoryBytes: number
  maxResultRows: number
  maxResultBytes: number
}

export interface EngineQuery {
  sql: string
  /** Output format where the statement names none. */
  format: string
  database: string
  /** Values of `{name:Type}`, escaped as ClickHouse's HTTP interface wants them. */
  params: Readonly<Record<string, string>>
  /** Settings of this query alone. */
  settings: Readonly<Record<string, string>>
  /** Makes the query read-only within these limits; nothing in it can lift them. */
  limits?: QueryLimits
  /** Cancels it. */
  signal?: AbortSignal
}

export interface EngineResult {
  bytes: Uint8Array
  elapsedNs: number
  readRows: number
  readBytes: number
}

/** A refusal of the engine with ClickHouse's code. */
export class EngineError extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.name = 'EngineError'
    this.code = code
  }
}

export class Engine {
  readonly #chdb: typeof import('chdb')
  readonly #folder: string
  /** Keeps the store open between queries. */
  readonly #anchor: ChdbSession
  readonly version: string
  readonly timeZone: string
  /** Lower case, as is the next. */
  readonly tableFunctions: ReadonlySet<string>
  /** The package knows more, for programs that share its memory. */
  readonly outputFormats: ReadonlySet<string>
  #queries = 0

  private constructor(chdb: typeof import('chdb'), folder: string, anchor: ChdbSession) {
    this.#chdb = chdb
    this.#folder = folder
    this.#anchor = anchor
    this.version = anchor.query('SELECT version()', 'TabSeparatedRaw').trim()
    this.timeZone = anchor.query('SELECT timezone()', 'TabSeparatedRaw').trim()
    const names = (from: string) =>
      new Set(anchor.query(`SELECT lower(name) FROM system.${from}`, 'TabSeparatedRaw').trim().split('\n'))
    this.tableFunctions = names('table_functions')
    this.outputFormats = names('formats WHERE is_output')
  }

  /** Throws `folder_unusable`, or `config` where the optional package is not installed. */
  static async open(folder: string): Promise<Engine> {
    const chdb = await loadChdb()
    let anchor: ChdbSession
    try {
      anchor = new chdb.Session(folder)
    } catch (cause) {
      const holder = holderOf(folder)
      throw new PipelineError(
        'folder_unusable',
        holder === undefined
          ? `the store in ${folder} cannot be opened; the engine's reason stands on standard error`
          : `the store in ${folder} is in use by another process (${holder})`,
        { cause, retriable: holder !== undefined },
      )
    }
    anchor.query('CREATE DATABASE IF NOT EXISTS eastwatch ENGINE = Atomic')
    return new Engine(chdb, folder, anchor)
  }

  async query(query: EngineQuery): Promise<EngineResult> {
    const session = new this.#chdb.Session(this.#folder)
    this.#queries += 1
    const mark = `eastwatch-${process.pid}-${this.#queries}`
    const cancel = () => this.#kill(mark)
    try {
      for (const statement of preparation(query, mark)) await session.queryAsync(statement)
      query.signal?.throwIfAborted()
      query.signal?.addEventListener('abort', cancel, { once: true })
      const result = await session.queryAsync(query.sql, { format: query.format })
      return {
        bytes: result.bytes(),
        elapsedNs: Math.round(result.elapsed * 1e9),
        readRows: result.rowsRead,
        readBytes: result.bytesRead,
      }
    } catch (error) {
      throw engineError(error)
    } finally {
      query.signal?.removeEventListener('abort', cancel)
      session.close()
    }
  }

  /** A query that runs to its end: its thread cannot be stopped from here, but the engine can be told to. */
  #kill(mark: string): void {
    this.#anchor.queryAsync(`KILL QUERY WHERE Settings['log_comment'] = '${mark}' ASYNC`).catch(() => {
      // It has ended by itself.
    })
  }

  close(): void {
    this.#anchor.close()
  }
}

function preparation(query: EngineQuery, mark: string): string[] {
  const settings: Record<string, string> = { async_insert: '0', ...query.settings, log_comment: mark }
  const { limits } = query
  if (limits !== undefined) {
    Object.assign(settings, {
      max_execution_time: String(limits.maxSeconds),
      max_memory_usage: String(limits.maxMemoryBytes),
      max_result_rows: String(limits.maxResultRows),
      max_result_bytes: String(limits.maxResultBytes),
      result_overflow_mode: 'throw',
      allow_introspection_functions: '0',
      // What does not fit into memory is not to fill the disk, which the pipeline needs.
      max_bytes_ratio_before_external_group_by: '0',
      max_bytes_ratio_before_external_sort: '0',
    })
  }
  const statements = [`USE ${quoteName(query.database)}`, `SET ${assignments(settings)}`]
  const params = Object.entries(query.params).map(([name, value]) => [`param_${name}`, value])
  if (params.length > 0) statements.push(`SET ${assignments(Object.fromEntries(params))}`)
  if (limits !== undefined) statements.push('SET readonly = 1')
  return statements
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

function assignments(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => {
      if (!NAME.test(name)) throw new EngineError(115, `${JSON.stringify(name)} is not the name of a setting`)
      return `${name} = ${quoteText(value)}`
    })
    .join(', ')
}

export function quoteText(value: string): string {
  return `'${value.replace(/[\\']/g, '\\$&').replaceAll('\0', '\\0')}'`
}

function quoteName(value: string): string {
  return `\`${value.replace(/[\\`]/g, '\\$&')}\``
}

/** chDB wraps the engine's text once or twice: `Query failed: Code: 62. DB::Exception: Code: 62. DB::Exception: Syntax ...` */
function engineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error
  const text = messageOf(error)
  const match = /Code: (\d+)\. DB::Exception: (?:Code: \d+\. DB::Exception: )?(.*)$/s.exec(text)
  return match === null
    ? new EngineError(1001, text)
    : new EngineError(Number(match[1]), match[2]!.replace(/ \(version [^)]*\)\. \([A-Z_]+\)$/, ''))
}

/** The process that has the folder open. Its lock goes with it; the note of its id in `status` may outlive it. */
function holderOf(folder: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)/m.exec(readFileSync(join(folder, 'status'), 'utf8'))?.[1])
    process.kill(pid, 0)
    return pid
  } catch {
    return undefined
  }
}

async function loadChdb(): Promise<typeof import('chdb')> {
  try {
    return await import('chdb')
  } catch (cause) {
    throw new PipelineError(
      'config',
      'the embedded store needs the optional package chdb, which is not installed or has no build for this platform; ' +
        'install it with npm install chdb',
      { cause },
    )
  }
}
