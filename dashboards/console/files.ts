/**
 * The page: one document, which says who asks, and files that are named by what is in them (scripts/console-page.mjs). All of it is in memory,
 * compressed once, so that it comes at once from a process that has other work too.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import express, { type Router } from 'express'
import type { Access } from '../../alerts/api/access.ts'
import { PipelineError } from '../../core/errors.ts'

/** Another content has another name, so a browser may keep it; what is between need not. */
const FOR_GOOD = 'private, max-age=31536000, immutable'
const FRESH = 'no-cache'
const DOCUMENT = 'index.html'

/** `folder`: where the build put the page. */
export function pageRouter(access: Access, folder = join(import.meta.dirname, 'page')): Router {
  const router = express.Router()
  const [before = '', after = ''] = readFileSync(join(folder, DOCUMENT), 'utf8').split('{session}')
  router.get('/', (request, response) => {
    response.set('cache-control', 'no-store').type('html')
    response.send(before + attributeText(sessionText(access, request)) + after)
  })
  // What messages link to.
  router.get('/incidents/:id', (request, response) => {
    response.redirect(302, `/#/incidents/${encodeURIComponent(request.params.id)}`)
  })
  for (const [path, cacheControl] of filesOf(folder)) {
    const plain = readFileSync(join(folder, path))
    const compressed = gzipSync(plain, { level: 9 })
    router.get(path, (request, response) => {
      response.set({ 'cache-control': cacheControl, vary: 'accept-encoding' }).type(extname(path))
      if (request.acceptsEncodings('gzip', 'identity') !== 'gzip') response.send(plain)
      else response.set('content-encoding', 'gzip').send(compressed)
    })
  }
  router.use((_, response) => {
    response.set('cache-control', 'no-store').status(404).type('text').send('there is no such page; / is the console\n')
  })
  return router
}

function filesOf(folder: string): [path: string, cacheControl: string][] {
  const assets = readdirSync(join(folder, 'assets')).map((name): [string, string] => [`/assets/${name}`, FOR_GOOD])
  return [...assets, ['/icon.svg', FRESH], ['/licenses.txt', FRESH]]
}

/** '' for whoever has to log in first. */
function sessionText(access: Access, request: express.Request): string {
  try {
    return JSON.stringify(access.session(access.visitor(request)))
  } catch (error) {
    if (error instanceof PipelineError && error.code === 'unauthenticated') return ''
    throw error
  }
}

function attributeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}
