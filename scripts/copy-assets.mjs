// Copies what the compiler leaves behind (SQL migrations, .proto files) next to the compiled code, keeping folders.
import { cpSync, readdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'

const folders = ['core', 'policy', 'collector', 'detectors', 'storage', 'alerts', 'dashboards', 'demo', 'cli', 'bench']
const kinds = new Set(['.sql', '.proto', '.yaml'])

function copy(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) copy(path)
    else if (kinds.has(extname(name))) cpSync(path, join('dist', path))
  }
}
folders.forEach(copy)
