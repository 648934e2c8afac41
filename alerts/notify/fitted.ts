/** How a message is brought to its receiver's size: evidence is cut first, then long texts and lists, then the least severe incidents. */
import type { News } from './channel.ts'
import { jsonText } from './plain.ts'

/** Bounds, in UTF-16 units and in entries. */
export interface Cut {
  evidence: number
  text: number
  list: number
}

const CUTS: readonly [Cut, ...Cut[]] = [
  { evidence: 16_384, text: 1_000, list: 64 },
  { evidence: 8_192, text: 1_000, list: 64 },
  { evidence: 2_048, text: 1_000, list: 16 },
  { evidence: 0, text: 1_000, list: 16 },
  { evidence: 0, text: 300, list: 4 },
  { evidence: 0, text: 100, list: 4 },
]
const LEAST = CUTS.at(-1)!

/**
 * What `make` makes, as JSON of at most `maxBytes`. It is given the news that find room, the most severe, how many more there are, and how
 * far to cut. One incident cut to the least must fit.
 */
export function fitted(
  maxBytes: number,
  { news, others }: { news: readonly News[]; others: number },
  make: (news: readonly News[], others: number, cut: Cut) => unknown,
): Buffer {
  const bodyOf = (kept: number, cut: Cut) =>
    Buffer.from(jsonText(make(news.slice(0, kept), others + news.length - kept, cut)))
  let body = Buffer.alloc(0)
  for (const cut of CUTS) {
    body = bodyOf(news.length, cut)
    if (body.length <= maxBytes) return body
  }
  for (let kept = news.length; body.length > maxBytes && kept > 1; ) {
    // As many as would fit were all as long as the mean of them.
    kept = Math.max(1, Math.min(kept - 1, Math.floor((kept * maxBytes) / body.length)))
    body = bodyOf(kept, LEAST)
  }
  return body
}
