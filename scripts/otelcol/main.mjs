/**
 * A real OpenTelemetry Collector for tests, without containers, from the modules of builder.yaml.
 *
 *   npm run otelcol      builds it where it is not there yet; prints OTELCOL=<path of the program>
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { provide } from '../go-program.mjs'

const text = readFileSync(join(import.meta.dirname, 'builder.yaml'), 'utf8')
const version = /^ {2}version: ([\d.]+)$/m.exec(text)[1]

await provide({
  variable: 'OTELCOL',
  title: 'the OpenTelemetry Collector',
  name: 'otelcol',
  version,
  text,
  build: async ({ work, output, go }) => {
    const manifest = join(work, 'builder.yaml')
    writeFileSync(manifest, text.replace(/^dist:$/m, `dist:\n  output_path: ${JSON.stringify(output)}`))
    const builder = `go.opentelemetry.io/collector/cmd/builder@v${version}`
    await go(['run', builder, '--config', manifest], '-mod=mod -p=2')
  },
})
