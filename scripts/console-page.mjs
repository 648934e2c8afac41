// Makes the console's page out of its modules, the libraries they use and its style sheets: few files, named by what is in them, so that a
// browser may keep them for good. Run by `npm run build`, after the compiler.
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const source = 'dashboards/console/page'
const target = join('dist', source)
const packages = 'node_modules'
/** The map's graph needs the first style sheet by its id, and charts the last one. */
const STYLES = [join(source, 'style.css'), join(source, 'map.css'), join(packages, 'uplot/dist/uPlot.min.css')]

rmSync(target, { recursive: true, force: true })
const names = '[name]-[hash].js'
const bundle = await rolldown({ input: join(source, 'main.ts'), platform: 'browser' })
const { output } = await bundle.write({
  dir: join(target, 'assets'),
  format: 'esm',
  entryFileNames: names,
  chunkFileNames: names,
  minify: true,
  comments: { legal: false },
})
await bundle.close()

const style = STYLES.map((file) => readFileSync(file, 'utf8')).join('\n')
const styleName = `style-${createHash('sha256').update(style).digest('base64url').slice(0, 8)}.css`
writeFileSync(join(target, 'assets', styleName), style)

const places = { style: styleName, main: output.find(({ isEntry }) => isEntry).fileName }
const page = readFileSync(join(source, 'index.html'), 'utf8')
writeFileSync(
  join(target, 'index.html'),
  page.replace(/\{(style|main)\}/g, (_, name) => `/assets/${places[name]}`),
)
cpSync(join(source, 'icon.svg'), join(target, 'icon.svg'))
writeFileSync(join(target, 'licenses.txt'), licenses())

/** Whose code is in it, and under what terms. */
function licenses() {
  const modules = output.flatMap((one) => one.moduleIds ?? [])
  const used = modules
    .map((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1])
    .filter((name) => name !== undefined)
  return [...new Set(used)]
    .sort()
    .map((name) => `${name}\n\n${readFileSync(join(packages, name, 'LICENSE'), 'utf8').trim()}\n`)
    .join('\n\n')
}
