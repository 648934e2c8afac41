/** A dialog that asks, sends, and says in plain words where it was refused. */
import type { Taken } from '../../../alerts/api/take.ts'
import { button, type Child, fill, h } from './dom.ts'

const MAX_REASON = 500

export interface Asking {
  title: string
  /** What it does, in a sentence. */
  about: string
  fields: readonly Child[]
  submit: string
  /** Rejects with why not. */
  send(): Promise<Taken>
  /** The dialog stays until it resolves. */
  onDone(taken: Taken): Promise<void>
}

export function ask({ title, about, fields, submit, send, onDone }: Asking): void {
  const problem = h('p', { class: 'problem', role: 'alert' })
  const go = h('button', { type: 'submit', class: 'primary' }, submit)
  const form = h(
    'form',
    {},
    ...fields,
    problem,
    h(
      'div',
      { class: 'buttons' },
      button({}, () => dialog.close(), 'Cancel'),
      go,
    ),
  )
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'dialog-title' },
    h('h2', { id: 'dialog-title' }, title),
    h('p', { class: 'quiet' }, about),
    form,
  )
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    go.disabled = true
    fill(problem)
    try {
      await onDone(await send())
      dialog.close()
    } catch (error) {
      fill(problem, `It was not done: ${(error as Error).message}.`)
      go.disabled = false
    }
  })
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}

export function reasonField(): { element: HTMLElement; value(): string } {
  const input = h('textarea', { id: 'reason', rows: 3, minlength: 3, maxlength: MAX_REASON, required: true })
  const element = h('div', { class: 'field' }, h('label', { for: 'reason' }, 'Why (it stands in the audit)'), input)
  return { element, value: () => input.value.trim() }
}
