/**
 * Makes elements. Names, paths and sentences come from telemetry, and whoever sends telemetry chooses them: text becomes text nodes only, and
 * attributes are those listed here, of which none runs anything.
 */
import { harmless } from './harmless.ts'

const ATTRIBUTES = [
  'class',
  'id',
  'type',
  'role',
  'title',
  'for',
  'name',
  'value',
  'placeholder',
  'tabindex',
  'autocomplete',
  'rows',
  'min',
  'max',
  'minlength',
  'maxlength',
  'required',
  'disabled',
  'checked',
  'selected',
  'open',
  'hidden',
  'scope',
  'colspan',
  'datetime',
  'spellcheck',
] as const
type Attribute = (typeof ATTRIBUTES)[number] | `aria-${string}` | `data-${string}`
export type Attributes = Partial<Record<Attribute, string | number | boolean>>
export type Child = Node | string | number | null | false | undefined

const ALLOWED: ReadonlySet<string> = new Set(ATTRIBUTES)

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value)
  element.append(...nodesOf(children))
  return element
}

export function setAttribute(element: Element, name: string, value: string | number | boolean | undefined): void {
  if (!ALLOWED.has(name) && !/^(aria|data)-[a-z-]+$/.test(name)) throw new Error(`attribute ${name} is not set here`)
  // What ARIA has as true and false is written out.
  if (value === undefined || (value === false && !name.startsWith('aria-'))) element.removeAttribute(name)
  else element.setAttribute(name, value === true && !name.startsWith('aria-') ? '' : String(value))
}

/** Takes the place of all that is in it. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...nodesOf(children))
}

/** A link within the page. */
export function link(hash: `#${string}`, attributes: Attributes, ...children: Child[]): HTMLAnchorElement {
  const anchor = h('a', attributes, ...children)
  anchor.href = hash
  return anchor
}

export function button(attributes: Attributes, onClick: () => void, ...children: Child[]): HTMLButtonElement {
  const element = h('button', { type: 'button', ...attributes }, ...children)
  element.addEventListener('click', onClick)
  return element
}

function nodesOf(children: readonly Child[]): (Node | string)[] {
  return children.flatMap((child) => {
    if (child === null || child === undefined || child === false) return []
    return [child instanceof Node ? child : harmless(String(child))]
  })
}
