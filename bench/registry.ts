/** All benchmarks there are, by name. */
import type { Benchmark } from './row.ts'

export const BENCHMARKS: Record<string, Benchmark> = {}
