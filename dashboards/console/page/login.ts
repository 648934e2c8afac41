/** Asks for a token, where the configuration has some. */
import { logIn } from './api.ts'
import { fill, h } from './dom.ts'

export function loginPage(why: string): HTMLElement {
  const token = h('input', {
    id: 'token',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    maxlength: 200,
    'aria-describedby': 'token-help',
  })
  const problem = h('p', { class: 'problem', role: 'alert' }, why)
  const submit = h('button', { type: 'submit', class: 'primary' }, 'Log in')
  const form = h(
    'form',
    { class: 'login panel' },
    h('h1', {}, 'Eastwatch'),
    h('label', { for: 'token' }, 'Token'),
    token,
    h(
      'p',
      { id: 'token-help', class: 'quiet' },
      'Whoever runs Eastwatch makes one with “eastwatch token”. It begins with ewt_.',
    ),
    problem,
    submit,
  )
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    submit.disabled = true
    try {
      await logIn(token.value.trim())
      // The page comes anew, and says who it is for.
      location.reload()
    } catch (error) {
      const { message } = error as Error
      fill(problem, `${message.charAt(0).toUpperCase()}${message.slice(1)}.`)
      token.select()
    } finally {
      submit.disabled = false
    }
  })
  queueMicrotask(() => token.focus())
  return h('main', { class: 'center' }, form)
}
