// Writes docs/configuration.md from the schema. Run after `npm run build`: node scripts/config-reference.mjs [file]
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { EastwatchConfig } from '../dist/cli/config.js'

const HEAD = `# Configuration

<!-- Written by scripts/config-reference.mjs from the schema; change the schema, not this page. -->

One file, \`eastwatch.yaml\` in the current folder, or the one named with \`--config\`. Everything has a default, so the file may be
missing. A key that is not listed here is an error, told with its line and column; units stand in the names of the keys.

- \`\${NAME}\` in a text is replaced by that environment variable.
- A text \`file:<path>\` is replaced by that file's content, for secrets; relative to the folder of the configuration file.
- \`eastwatch config check\` checks the file, \`eastwatch config print\` shows it with every default filled in and secrets hidden,
  \`eastwatch config schema\` prints the JSON schema for editors.
- On SIGHUP \`eastwatch up\` reads the policy folder anew, and only that. Every other change needs a restart.

A key with \`[]\` belongs to each item of a list. Where there are several kinds of a thing, such as receivers, what stands below a \`type\` is of that
type; what it has in common with one above is not repeated.
`

/** Descriptions of the parts, for the headings. */
const PARTS = {
  bus: 'The log between the parts',
  collector: 'Receiving telemetry',
  policy: 'Declared objects and policies',
  detectors: 'Detection',
  storage: 'The store',
  alerts: 'Incidents and who is told',
  console: 'The page and the API for people',
  telemetry: "Eastwatch's own health and metrics",
}

const schema = z.toJSONSchema(EastwatchConfig, { io: 'input' })

const cell = (text) => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')

/** A schema that holds itself is named, and written out where it is met first. */
const target = (node) => (node?.$ref === undefined ? node : schema.$defs[node.$ref.split('/').at(-1)])
const written = new Set()

function* rows(node, path, required) {
  if (node.properties !== undefined) {
    if (node.description !== undefined && path !== '') yield [path, kindOf(node), '', node.description]
    for (const [name, child] of Object.entries(node.properties)) {
      yield* rows(child, path === '' ? name : `${path}.${name}`, node.required?.includes(name) === true)
    }
    return
  }
  const variants = node.oneOf ?? node.anyOf
  if (variants?.some((variant) => variant.properties !== undefined)) {
    if (node.description !== undefined) yield [path, kindOf(node), '', node.description]
    for (const variant of variants) yield* rows(variant, path, required)
    return
  }
  yield [path, kindOf(node), defaultOf(node, required, path), node.description ?? '']
  const items = target(node.items)
  if (items !== node.items && written.has(items)) return
  written.add(items)
  if (items?.properties !== undefined || items?.oneOf !== undefined || items?.anyOf !== undefined) {
    yield* rows(items, `${path}[]`, false)
  }
}

function defaultOf(node, required, path) {
  if ('default' in node) {
    const size = path.endsWith('Bytes') ? sizeOf(node.default) : ''
    return `\`${JSON.stringify(node.default)}\`${size}`
  }
  return required ? 'needed' : 'none'
}

function sizeOf(bytes) {
  const power = Math.floor(Math.log2(bytes) / 10)
  return ` (${bytes / 1024 ** power} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]})`
}

function kindOf(node) {
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``
  if (node.enum !== undefined) return node.enum.map((value) => `\`${value}\``).join(', ')
  const { type = 'any' } = node
  if (type === 'array') return `list of ${kindOf(target(node.items) ?? {})}`
  if (type === 'object' || node.oneOf !== undefined || node.anyOf !== undefined) return 'section'
  if (type === 'integer' || type === 'number')
    return `${type === 'integer' ? 'whole number' : 'number'}${rangeOf(node)}`
  return type === 'string' ? 'text' : type === 'boolean' ? '`true`, `false`' : String(type)
}

function rangeOf({ minimum, maximum, exclusiveMinimum }) {
  const least = minimum ?? (exclusiveMinimum === undefined ? undefined : `above ${exclusiveMinimum}`)
  const bounded = (value) =>
    typeof value !== 'number' || (value !== Number.MAX_SAFE_INTEGER && value !== -Number.MAX_SAFE_INTEGER)
  const from = least !== undefined && bounded(least) ? String(least) : ''
  const to = maximum !== undefined && bounded(maximum) ? `to ${maximum}` : ''
  const text = [from, to].filter((part) => part !== '').join(' ')
  return text === '' ? '' : to === '' && !from.startsWith('above') ? `, ${from} or more` : `, ${text}`
}

function table(node, path) {
  const seen = new Set()
  // What several kinds of a thing have alike stands with the first of them.
  const lines = [...rows(node, path, false)].filter((row) => {
    const fresh = !seen.has(row.join('\n'))
    seen.add(row.join('\n'))
    return fresh
  })
  return [
    '| Key | Value | Default | What it is |',
    '|---|---|---|---|',
    ...lines.map(([key, kind, value, what]) => `| \`${key}\` | ${cell(kind)} | ${cell(value)} | ${cell(what)} |`),
  ].join('\n')
}

const plain = Object.entries(schema.properties).filter(([name]) => PARTS[name] === undefined)
const sections = [
  `## The program\n\n${table({ properties: Object.fromEntries(plain) }, '')}`,
  ...Object.entries(PARTS).map(
    ([name, title]) => `## \`${name}\`: ${title}\n\n${table(schema.properties[name], name)}`,
  ),
]
const file = process.argv[2] ?? join(import.meta.dirname, '../docs/configuration.md')
writeFileSync(file, `${HEAD}\n${sections.join('\n\n')}\n`)
