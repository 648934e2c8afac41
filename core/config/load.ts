/**
 * Reads a YAML configuration against a zod schema and reports every problem with the line and column where it stands.
 * `${NAME}` in a text is replaced by that environment variable; a text `file:<path>` by that file's content, for secrets.
 */
import { readFileSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { isMap, isScalar, LineCounter, type ParsedNode, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { messageOf, PipelineError } from '../errors.ts'

const MAX_CONFIG_BYTES = 1024 * 1024
const MAX_SECRET_BYTES = 64 * 1024

export interface ConfigProblem {
  /** 1-based; 0 where the problem has no place in the file. */
  line: number
  column: number
  message: string
}

export class ConfigError extends PipelineError {
  readonly problems: readonly ConfigProblem[]
  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map((p) => `${file}${p.line > 0 ? `:${p.line}:${p.column}` : ''}: ${p.message}`)
    super('config', lines.join('\n'))
    this.problems = problems
  }
}

export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>
  /** Folder that relative `file:` paths start from. */
  folder: string
}

export function loadConfigFile<S extends z.ZodType>(path: string, schema: S, surroundings: Surroundings): z.output<S> {
  let text: string
  try {
    const size = statSync(path).size
    if (size > MAX_CONFIG_BYTES) throw new Error(`${size} bytes exceed the limit of ${MAX_CONFIG_BYTES}`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const why = missing ? 'there is no such file' : messageOf(error)
    throw new PipelineError('config', `configuration ${path} cannot be read: ${why}`, { cause: error })
  }
  return parseConfig(text, path, schema, surroundings)
}

/** As `loadConfigFile`, from a text; `file` names it in messages. */
export function parseConfig<S extends z.ZodType>(
  text: string,
  file: string,
  schema: S,
  surroundings: Surroundings,
): z.output<S> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  const problems: ConfigProblem[] = []
  const report = (offset: number | undefined, message: string) => {
    const place = offset === undefined ? { line: 0, col: 0 } : lines.linePos(offset)
    problems.push({ line: place.line, column: place.col, message })
  }
  for (const error of document.errors) report(error.pos[0], error.message)
  if (problems.length > 0) throw new ConfigError(file, problems)

  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return
      try {
        node.value = resolveText(node.value, surroundings)
      } catch (error) {
        report(node.range?.[0], messageOf(error))
      }
    },
  })
  if (problems.length > 0) throw new ConfigError(file, problems)

  let raw: unknown
  try {
    raw = document.toJS({ maxAliasCount: 50 })
  } catch (error) {
    throw new ConfigError(file, [{ line: 0, column: 0, message: messageOf(error) }])
  }
  const parsed = schema.safeParse(raw ?? {})
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues) {
    const path = issue.path as (string | number)[]
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        report(offsetOf(document.contents, [...path, key]), `unknown key ${[...path, key].join('.')}`)
      }
    } else report(offsetOf(document.contents, path), `${path.join('.') || 'configuration'}: ${issue.message}`)
  }
  throw new ConfigError(file, problems)
}

function resolveText(text: string, { env, folder }: Surroundings): string {
  const replaced = text.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
    const value = env[name]
    if (value === undefined) throw new Error(`environment variable ${name} is not set`)
    return value
  })
  if (!replaced.startsWith('file:')) return replaced
  const name = replaced.slice('file:'.length)
  const path = isAbsolute(name) ? name : join(folder, name)
  try {
    if (statSync(path).size > MAX_SECRET_BYTES) throw new Error(`larger than ${MAX_SECRET_BYTES} bytes`)
    return readFileSync(path, 'utf8').trimEnd()
  } catch (error) {
    throw new Error(`secret file ${path} cannot be read: ${messageOf(error)}`)
  }
}

/** Where the deepest existing part of a path stands: its key where there is one, as that is what a person looks for. */
function offsetOf(root: unknown, path: readonly (string | number)[]): number | undefined {
  let node = root as ParsedNode | null
  let offset = node?.range?.[0]
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step)
      if (pair === undefined) break
      offset = (pair.key as ParsedNode).range?.[0] ?? offset
      node = pair.value as ParsedNode | null
    } else if (node !== null && 'items' in (node ?? {}) && typeof step === 'number') {
      node = ((node as unknown as { items: ParsedNode[] }).items[step] ?? null) as ParsedNode | null
      offset = node?.range?.[0] ?? offset
    } else break
  }
  return offset
}
