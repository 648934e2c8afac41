/** The page's files, and the libraries that it uses: single files out of their packages, under /lib. */

import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import express, { type Router } from 'express'

const require = createRequire(import.meta.url)
const LIBRARIES: Readonly<Record<string, { of: string; file: string }>> = {
  'cytoscape.js': { of: 'cytoscape', file: 'cytoscape.esm.min.mjs' },
  'dagre.js': { of: '@dagrejs/dagre', file: 'dagre.esm.js' },
  'uplot.js': { of: 'uplot', file: 'uPlot.esm.js' },
  'uplot.css': { of: 'uplot', file: 'uPlot.min.css' },
}

/** Files are asked for anew each time, and sent where they have changed: a new version is never half an old one. */
const FRESH = 'no-cache'

/** `folder`: where the compiler put the page. */
export function pageRouter(folder = join(import.meta.dirname, 'page')): Router {
  const router = express.Router()
  for (const [name, { of, file }] of Object.entries(LIBRARIES)) {
    const root = dirname(require.resolve(of))
    router.get(`/lib/${name}`, (_, response) => {
      response.set('cache-control', FRESH).type(name.endsWith('.css') ? 'css' : 'text/javascript')
      response.sendFile(file, { root, cacheControl: false })
    })
  }
  // What messages link to.
  router.get('/incidents/:id', (request, response) => {
    response.redirect(302, `/#/incidents/${encodeURIComponent(request.params.id)}`)
  })
  // The browser asks for all modules at once, and not for each as it comes upon its import.
  const modules = readdirSync(folder).filter((name) => name.endsWith('.js'))
  const preload = modules.map((name) => `</${name}>; rel="modulepreload"`).join(', ')
  router.get('/', (_, response, next) => {
    response.set('link', preload)
    next()
  })
  router.use(
    express.static(folder, {
      extensions: false,
      redirect: false,
      setHeaders: (response) => response.setHeader('cache-control', FRESH),
    }),
  )
  router.use((_, response) => {
    response.set('cache-control', 'no-store').status(404).type('text').send('there is no such page; / is the console\n')
  })
  return router
}
