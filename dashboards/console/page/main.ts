/** Starts the console: whoever is known gets it, whoever is not is asked for a token. */
import { session } from './api.ts'
import { fill } from './dom.ts'
import { loginPage } from './login.ts'
import { Shell } from './shell.ts'
import { applyTheme } from './theme.ts'

const app = document.getElementById('app')!

applyTheme()
if (session === undefined) fill(app, loginPage(''))
else {
  const shell = new Shell(session, () => {
    shell.stop()
    fill(app, loginPage('Your session has ended: log in again.'))
  })
  fill(app, shell.element)
  shell.start()
}
