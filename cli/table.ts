import { harmless } from '../core/harmless.ts'

/** Lays out rows as aligned columns for a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const clean = [head, ...rows].map((row) => row.map(harmless))
  const widths = head.map((_, column) => Math.max(...clean.map((row) => row[column]?.length ?? 0)))
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')
  return clean.map((row) => `${line(row).trimEnd()}\n`).join('')
}
