/** `npm run dashboards`: writes generated/ anew. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dashboardFiles, FOLDER } from './files.ts'

rmSync(FOLDER, { recursive: true, force: true })
mkdirSync(FOLDER, { recursive: true })
for (const [name, text] of Object.entries(dashboardFiles())) {
  writeFileSync(join(FOLDER, name), text)
  console.log(`wrote ${join(FOLDER, name)}`)
}
