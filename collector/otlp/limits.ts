/** Bounds of the OTLP readers. All are far above what senders in the field produce; past them a body is refused whole. */
export interface ReadLimits {
  /** Log records, spans or data points in one body. */
  maxRecords: number
  /** Longest value kept, in UTF-8 bytes; longer ones are cut at a character. */
  maxValueBytes: number
  /** Longest text body kept, and longest one read as JSON, in UTF-8 bytes. */
  maxTextBytes: number
  /** Deepest nesting of a JSON text. */
  maxDepth: number
  /** Objects, arrays and commas in a JSON text: what it may cost in memory once parsed. */
  maxJsonParts: number
}

export const DEFAULT_LIMITS: ReadLimits = {
  maxRecords: 100_000,
  maxValueBytes: 8 * 1024,
  maxTextBytes: 64 * 1024,
  maxDepth: 64,
  maxJsonParts: 6_000_000,
}
