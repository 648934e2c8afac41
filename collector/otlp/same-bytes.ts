/** True where `length` bytes are the same in both; compared eight at a time, the last eight overlapping. */
export function sameBytes(a: DataView, atA: number, b: DataView, atB: number, length: number): boolean {
  if (length < 8) return sameFew(a, atA, b, atB, length)
  const last = length - 8
  for (let i = 0; i < last; i += 8) if (!sameEight(a, atA + i, b, atB + i)) return false
  return sameEight(a, atA + last, b, atB + last)
}

/** As one number, which costs half of two words. Zeros are alike that differ in sign, and what is no number is not even like itself. */
function sameEight(a: DataView, atA: number, b: DataView, atB: number): boolean {
  const number = a.getFloat64(atA, true)
  if (number === b.getFloat64(atB, true) && number !== 0) return true
  return a.getInt32(atA, true) === b.getInt32(atB, true) && a.getInt32(atA + 4, true) === b.getInt32(atB + 4, true)
}

function sameFew(a: DataView, atA: number, b: DataView, atB: number, length: number): boolean {
  if (length < 4) {
    for (let i = 0; i < length; i += 1) if (a.getUint8(atA + i) !== b.getUint8(atB + i)) return false
    return true
  }
  const last = length - 4
  return (
    a.getInt32(atA, true) === b.getInt32(atB, true) && a.getInt32(atA + last, true) === b.getInt32(atB + last, true)
  )
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
