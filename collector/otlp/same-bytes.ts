/** True where `length` bytes are the same in both; compared sixteen at a time, the last sixteen overlapping. */
export function sameBytes(a: DataView, atA: number, b: DataView, atB: number, length: number): boolean {
  if (length < 16) return sameFew(a, atA, b, atB, length)
  const last = length - 16
  // One branch for four words takes half the time of four.
  for (let i = 0; i < last; i += 16) {
    if ((differEight(a, atA + i, b, atB + i) | differEight(a, atA + i + 8, b, atB + i + 8)) !== 0) return false
  }
  return (differEight(a, atA + last, b, atB + last) | differEight(a, atA + last + 8, b, atB + last + 8)) === 0
}

function sameFew(a: DataView, atA: number, b: DataView, atB: number, length: number): boolean {
  if (length >= 8) {
    const last = length - 8
    return (differEight(a, atA, b, atB) | differEight(a, atA + last, b, atB + last)) === 0
  }
  if (length >= 4) {
    const last = length - 4
    return (differFour(a, atA, b, atB) | differFour(a, atA + last, b, atB + last)) === 0
  }
  for (let i = 0; i < length; i += 1) if (a.getUint8(atA + i) !== b.getUint8(atB + i)) return false
  return true
}

function differEight(a: DataView, atA: number, b: DataView, atB: number): number {
  return differFour(a, atA, b, atB) | differFour(a, atA + 4, b, atB + 4)
}

function differFour(a: DataView, atA: number, b: DataView, atB: number): number {
  return a.getInt32(atA, true) ^ b.getInt32(atB, true)
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
