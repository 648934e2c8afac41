/** Text as it is shown: what would reorder it, or hide in it, is a sign that something is there. Pure. */

export function harmless(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd')
}
