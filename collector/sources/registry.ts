/** Readers of log records, in the order in which they are asked. */
import { envoySource } from './envoy.ts'
import type { LogSource } from './source.ts'

export const SOURCES: readonly LogSource[] = [envoySource]
