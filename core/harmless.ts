/** Text for a terminal: without what could move the cursor, ring the bell or reorder what stands beside it. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
}

/** The same for text of several lines. */
export function harmlessLines(text: string): string {
  return text.split('\n').map(harmless).join('\n')
}
