/** Keys: they work where nobody types and no dialog is open. `.row`s are what j and k move between. */
export interface KeyActions {
  search(): void
  help(): void
  tab(at: number): void
  /** True where there was something to leave. */
  leave(): boolean
  move(step: 1 | -1): void
  /** The view moves in its own way. */
  hasMove(): boolean
}

/** Until what is returned is called. */
export function onKeys(actions: KeyActions): () => void {
  const listener = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]') !== null) return
    const { target, key } = event
    if (target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) {
      if (key === 'Escape') target.blur()
      return
    }
    if (handle(key, target, actions)) event.preventDefault()
  }
  document.addEventListener('keydown', listener)
  return () => document.removeEventListener('keydown', listener)
}

function handle(key: string, target: EventTarget | null, actions: KeyActions): boolean {
  if (key === '/') actions.search()
  else if (key === '?') actions.help()
  else if (/^[1-9]$/.test(key)) actions.tab(Number(key) - 1)
  else if (key === 'j' || key === 'k') {
    const step = key === 'j' ? 1 : -1
    if (actions.hasMove()) actions.move(step)
    else moveRow(step)
  } else if (key === 'Escape') {
    if (!actions.leave()) history.back()
  } else if (key === 'Enter' && target instanceof HTMLElement && target.matches('.row')) {
    target.querySelector<HTMLElement>('a, button')?.click()
  } else return false
  return true
}

export function moveRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('.row')].filter((row) => row.offsetParent !== null)
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement))
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + step))]
  next?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}
