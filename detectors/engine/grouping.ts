/**
 * GROUP BY over the columns of one block, a column at a time: rows that agree in every given column get the same small number.
 * The inner loops see integers only; text is looked at once per group, at its first row.
 */
export interface Column {
  index: ArrayLike<number>
  /** All indexes are below it. */
  size: number
}

export interface Groups {
  /** Group of each row, 0 to `first.length` - 1, numbered by first appearance. */
  of: Int32Array
  /** First row of each group. */
  first: number[]
}

const EXACT = 2 ** 53

export function groupRows(rows: number, columns: readonly Column[]): Groups {
  const keys = new Float64Array(rows)
  let bound = 1
  let groups: Groups | undefined
  for (const { index, size } of columns) {
    if (bound * size > EXACT) {
      groups = number(keys)
      keys.set(groups.of)
      bound = groups.first.length
    }
    for (let row = 0; row < rows; row += 1) keys[row] = keys[row]! * size + index[row]!
    bound *= size
  }
  return number(keys)
}

/** Rows group by group, in order within each, without those that have 1 in `skip`: what one group needs is fetched once. */
export function byGroup({ of, first }: Groups, skip: Uint8Array | undefined): Int32Array {
  const at = new Int32Array(first.length + 1)
  for (let row = 0; row < of.length; row += 1) if (skip === undefined || skip[row] !== 1) at[of[row]! + 1]! += 1
  for (let group = 0; group < first.length; group += 1) at[group + 1]! += at[group]!
  const rows = new Int32Array(at[first.length]!)
  for (let row = 0; row < of.length; row += 1) if (skip === undefined || skip[row] !== 1) rows[at[of[row]!]!++] = row
  return rows
}

/** Numbers equal keys alike: an open-addressing table at no more than half load. */
function number(keys: Float64Array): Groups {
  const rows = keys.length
  let capacity = 256
  while (capacity < rows * 2) capacity *= 2
  const mask = capacity - 1
  const slots = new Int32Array(capacity).fill(-1)
  const of = new Int32Array(rows)
  const first: number[] = []
  let lastKey = -1
  let lastGroup = -1
  for (let row = 0; row < rows; row += 1) {
    const key = keys[row]!
    if (key !== lastKey) {
      lastKey = key
      let slot = mix(key) & mask
      for (;;) {
        const group = slots[slot]!
        if (group < 0) {
          lastGroup = first.length
          slots[slot] = lastGroup
          first.push(row)
          break
        }
        if (keys[first[group]!] === key) {
          lastGroup = group
          break
        }
        slot = (slot + 1) & mask
      }
    }
    of[row] = lastGroup
  }
  return { of, first }
}

function mix(key: number): number {
  let hash = Math.imul(key >>> 0, 0x9e3779b1) ^ Math.imul((key / 0x1_0000_0000) >>> 0, 0x85ebca6b)
  hash ^= hash >>> 15
  return Math.imul(hash, 0x2c1b3c6d) >>> 8
}
