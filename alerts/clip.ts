/** Shortens a text to at most `max` UTF-16 units, marking the cut and never splitting a character. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text
  const last = text.charCodeAt(max - 2)
  const end = last >= 0xd800 && last <= 0xdbff ? max - 2 : max - 1
  return `${text.slice(0, end)}…`
}
