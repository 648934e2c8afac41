/** How Istio compares texts: exact, `abc*`, `*abc`, `*` for any that is not empty; and path templates. All in linear time. */

export type TextMatch = (text: string) => boolean

export function textMatch(pattern: string): TextMatch {
  if (pattern === '*') return (text) => text !== ''
  if (pattern.startsWith('*')) {
    const suffix = pattern.slice(1)
    return (text) => text.endsWith(suffix)
  }
  if (pattern.endsWith('*')) {
    const prefix = pattern.slice(0, -1)
    return (text) => text.startsWith(prefix)
  }
  return (text) => text === pattern
}

/** As `textMatch`, without regard to case: host names. The text must be in lower case already. */
export const hostMatch = (pattern: string): TextMatch => textMatch(pattern.toLowerCase())

/** A pattern in which every `*` stands for any text, the empty one too. */
export function globMatch(pattern: string): TextMatch {
  const [head = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return (text) => text === pattern
  const tail = rest.pop()!
  return (text) => {
    if (!text.startsWith(head)) return false
    let at = head.length
    for (const part of rest) {
      const found = text.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return text.length - tail.length >= at && text.endsWith(tail)
  }
}

const ONE = '{*}'
const ANY = '{**}'

/** Paths compare as texts unless they hold `{*}` (one segment) or `{**}` (any number of them, at most once). */
export function pathMatch(pattern: string): TextMatch {
  if (!pattern.includes(ONE) && !pattern.includes(ANY)) return textMatch(pattern)
  const segments = pattern.split('/')
  const any = segments.indexOf(ANY)
  if (any < 0) {
    return (path) => {
      const parts = path.split('/')
      return parts.length === segments.length && segmentsMatch(segments, parts, 0)
    }
  }
  const head = segments.slice(0, any)
  const tail = segments.slice(any + 1)
  return (path) => {
    const parts = path.split('/')
    // `/a/{**}` needs the slash, thus one part more, which may be empty.
    if (parts.length < head.length + tail.length + 1) return false
    return segmentsMatch(head, parts, 0) && segmentsMatch(tail, parts, parts.length - tail.length)
  }
}

function segmentsMatch(segments: readonly string[], parts: readonly string[], from: number): boolean {
  return segments.every((segment, i) => (segment === ONE ? parts[from + i] !== '' : parts[from + i] === segment))
}
