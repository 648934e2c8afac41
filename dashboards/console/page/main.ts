/** Starts the console: whoever is known gets it, whoever is not is asked for a token. */
import { ApiError, readSession, type Session } from './api.ts'
import { fill, h } from './dom.ts'
import { loginPage } from './login.ts'
import { Shell } from './shell.ts'
import { applyTheme } from './theme.ts'

const RETRY_MS = 3_000
const app = document.getElementById('app')!

applyTheme()
start()

async function start(): Promise<void> {
  let session: Session
  try {
    session = await readSession()
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return showLogin('')
    fill(app, h('p', { class: 'lonely', role: 'alert' }, `${(error as Error).message}. Trying again …`))
    setTimeout(start, RETRY_MS)
    return
  }
  const shell = new Shell(session, () => {
    shell.stop()
    showLogin('Your session has ended: log in again.')
  })
  fill(app, shell.element)
  shell.start()
}

function showLogin(why: string): void {
  fill(app, loginPage(why, start))
}
