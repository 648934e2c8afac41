/** Envoy's response flags: a list with commas, in any order, with tokens of extensions among them. */

/** True where the list holds the flag. */
export function hasFlag(flags: string, flag: string): boolean {
  if (flags === flag) return true
  const at = flags.indexOf(flag)
  if (at < 0) return false
  return flags.split(',').includes(flag)
}
