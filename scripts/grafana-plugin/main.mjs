/**
 * A program that asks a ClickHouse endpoint as Grafana's ClickHouse data source does, with its driver and Grafana's own frames: main.go.
 *
 *   npm run grafana-plugin      builds it where it is not there yet; prints GRAFANA_PLUGIN=<path of the program>
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { provide } from '../go-program.mjs'

const FOLDER = import.meta.dirname
const text = readdirSync(FOLDER)
  .filter((name) => /\.(go|mod|sum)$/.test(name))
  .sort()
  .map((name) => readFileSync(join(FOLDER, name), 'utf8'))
  .join('\0')

await provide({
  variable: 'GRAFANA_PLUGIN',
  title: "the client with Grafana's driver",
  name: 'grafana-plugin',
  version: /clickhouse-go\/v2 v([\d.]+)/.exec(text)[1],
  text,
  build: async ({ output, go }) => {
    await go(
      ['build', '-o', join(output, 'grafana-plugin'), '.'],
      '-mod=readonly -trimpath -buildvcs=false -p=2',
      FOLDER,
    )
  },
})
