/**
 * One policy file's text to its documents. Everything is bounded, as a file may be anything: nesting, aliases and size. Texts of
 * errors name the place, never the content, which may hold what a log must not.
 */
import { type Document, isMap, isScalar, LineCounter, parseAllDocuments, visit } from 'yaml'
import { messageOf, PipelineError } from '../core/errors.ts'

export const MAX_DEPTH = 64
/** YAML keeps a tree with positions, some fifty times its text; JSON is the form for large exports. */
export const MAX_YAML_BYTES = 8 * 1024 * 1024
const MAX_ALIASES = 100
const MAX_DOCUMENTS = 10_000

export function parseDocuments(text: string, file: string): unknown[] {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text
  return file.endsWith('.json') ? [parseJson(body, file)] : parseYaml(body, file)
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const position = / position (\d+)/.exec(messageOf(error))?.[1]
    const end = messageOf(error).startsWith('Unexpected end') ? text.length : undefined
    const at = position === undefined ? end : Number(position)
    const place = at === undefined ? '' : `:${text.slice(0, at).split('\n').length}`
    throw new PipelineError('config', `${file}${place}: is not valid JSON`)
  }
}

function parseYaml(text: string, file: string): unknown[] {
  if (text.length > MAX_YAML_BYTES) {
    throw new PipelineError('config', `${file}: YAML over the limit of ${MAX_YAML_BYTES} bytes; export as JSON instead`)
  }
  const lines = new LineCounter()
  const fail = (offset: number | undefined, message: string): never => {
    const place = offset === undefined ? '' : `:${lines.linePos(offset).line}`
    throw new PipelineError('config', `${file}${place}: ${message}`)
  }
  checkFlowDepth(text, (offset) => fail(offset, `is nested deeper than the limit of ${MAX_DEPTH}`))
  try {
    // The library's own check for repeated keys takes quadratic time; `checkTree` does it in linear time.
    const parsed = parseAllDocuments(text, {
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
    })
    const documents: readonly Document[] = Array.isArray(parsed) ? parsed : []
    if (documents.length > MAX_DOCUMENTS) fail(undefined, `has over ${MAX_DOCUMENTS} documents`)
    return documents.map((document) => {
      const error = document.errors[0]
      if (error?.code === 'RESOURCE_EXHAUSTION') fail(error.pos[0], `is nested deeper than the limit of ${MAX_DEPTH}`)
      if (error !== undefined) fail(error.pos[0], `is not valid YAML: ${error.code.toLowerCase().replaceAll('_', ' ')}`)
      checkTree(document, fail)
      return document.toJS({ maxAliasCount: MAX_ALIASES })
    })
  } catch (error) {
    if (error instanceof PipelineError) throw error
    if (error instanceof RangeError) return fail(undefined, `is nested deeper than the limit of ${MAX_DEPTH}`)
    if (error instanceof ReferenceError) return fail(undefined, `expands over ${MAX_ALIASES} aliases`)
    return fail(undefined, 'is not valid YAML')
  }
}

/** Nesting that would exhaust the stack of the parser is refused before it: brackets and dashes that open, line by line. */
function checkFlowDepth(text: string, fail: (offset: number) => never): void {
  let open = 0
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c === 91 /* [ */ || c === 123 /* { */) open++
    else if (c === 93 /* ] */ || c === 125 /* } */ || c === 10 /* newline */) open = 0
    if (open > MAX_DEPTH) fail(at)
  }
}

function checkTree(document: Document, fail: (offset: number | undefined, message: string) => never): void {
  visit(document, {
    Collection(_, node, path) {
      const offset = node.range?.[0]
      // Each level of nesting is a collection and, in a map, a pair.
      if (path.length > 2 * MAX_DEPTH) fail(offset, `is nested deeper than the limit of ${MAX_DEPTH}`)
      if (!isMap(node)) return
      const keys = new Set<unknown>()
      for (const { key } of node.items) {
        const name = isScalar(key) ? key.value : key
        if (keys.has(name)) fail(isScalar(key) ? key.range?.[0] : offset, 'holds the same key twice')
        keys.add(name)
      }
    },
  })
}
