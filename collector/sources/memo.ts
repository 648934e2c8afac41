/**
 * Remembers the results of a pure function of a text. Identities, hosts and clusters are few and come again with every record.
 * Bounded: at most `limit` texts of at most 256 characters; when full it starts afresh, so endless names cost time, not memory.
 */
const MAX_REMEMBERED_LENGTH = 256

export function memo<T>(compute: (text: string) => T, limit = 4096): (text: string) => T {
  let known = new Map<string, T>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const result = compute(text)
    if (text.length <= MAX_REMEMBERED_LENGTH) {
      if (known.size >= limit) known = new Map()
      known.set(text, result)
    }
    return result
  }
}
