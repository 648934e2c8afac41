/** Light or dark: as the system says, until somebody says otherwise here. */
import { button, fill } from './dom.ts'

const KEY = 'eastwatch.theme'
const listeners = new Set<() => void>()
const system = matchMedia('(prefers-color-scheme: dark)')
system.addEventListener('change', () => tell())

export function applyTheme(): void {
  const chosen = localStorage.getItem(KEY)
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen
}

export function isDark(): boolean {
  const { theme } = document.documentElement.dataset
  return theme === undefined ? system.matches : theme === 'dark'
}

/** Called when colours have changed, until what is returned is called. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function themeButton(): HTMLButtonElement {
  const element = button({ class: 'plain' }, () => {
    const theme = isDark() ? 'light' : 'dark'
    document.documentElement.dataset.theme = theme
    localStorage.setItem(KEY, theme)
    tell()
  })
  const draw = () => fill(element, isDark() ? 'Light' : 'Dark')
  onTheme(draw)
  draw()
  return element
}

/** Colours of the style sheet as the canvas takes them. */
export function colours<const Name extends string>(names: readonly Name[]): Record<Name, string> {
  const probes = names.map((name) => {
    const probe = document.createElement('span')
    probe.style.color = `var(--${name})`
    return probe
  })
  // All of them at once: each look at a new one would have the whole page styled anew.
  document.body.append(...probes)
  const found = probes.map((probe, at) => [names[at], getComputedStyle(probe).color])
  for (const probe of probes) probe.remove()
  return Object.fromEntries(found)
}

function tell(): void {
  for (const listener of listeners) listener()
}
