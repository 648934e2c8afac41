import { destination, type Logger, pino } from 'pino'

export type { Logger }

/** Structured logs on standard error, one JSON object a line: text from telemetry cannot forge a line. */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` }, destination(2))
}
