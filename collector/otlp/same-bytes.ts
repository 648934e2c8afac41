/** True where `length` bytes are the same in both; compared sixteen at a time, the last sixteen overlapping. */
export function sameBytes(a: DataView, atA: number, b: DataView, atB: number, length: number): boolean {
  if (length < 16) return sameFew(a, atA, b, atB, length)
  const last = length - 16
  for (let i = 0; i < last; i += 16) if (differSixteen(a, atA + i, b, atB + i) !== 0) return false
  return differSixteen(a, atA + last, b, atB + last) === 0
}

function sameFew(a: DataView, atA: number, b: DataView, atB: number, length: number): boolean {
  if (length < 4) {
    for (let i = 0; i < length; i += 1) if (a.getUint8(atA + i) !== b.getUint8(atB + i)) return false
    return true
  }
  const last = length - 4
  for (let i = 0; i < last; i += 4) if (differFour(a, atA + i, b, atB + i) !== 0) return false
  return differFour(a, atA + last, b, atB + last) === 0
}

/** One branch for four words: half the time that four take. */
function differSixteen(a: DataView, atA: number, b: DataView, atB: number): number {
  return (
    differFour(a, atA, b, atB) |
    differFour(a, atA + 4, b, atB + 4) |
    differFour(a, atA + 8, b, atB + 8) |
    differFour(a, atA + 12, b, atB + 12)
  )
}

function differFour(a: DataView, atA: number, b: DataView, atB: number): number {
  return a.getInt32(atA, true) ^ b.getInt32(atB, true)
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
