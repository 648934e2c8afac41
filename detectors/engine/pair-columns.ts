/** Which rows of a block are of one pair, and which pair that is (docs/decisions/020-pair-key.md). */
import type { Block } from '../../core/block.ts'
import type { Column } from './grouping.ts'
import type { Pair, PairTable } from './pair-table.ts'

export interface PairColumns {
  /** Rows that agree in all of them are of one pair. */
  columns: Column[]
  /** Until the table makes room. */
  pair(row: number): Pair
}

export function pairColumns(block: Block, table: PairTable): PairColumns {
  const identity = block.low('sourceIdentity')
  const identityOrigin = block.low('sourceIdentityOrigin')
  const addressIdentity = block.low('sourceAddressIdentity')
  const workload = block.low('sourceWorkload')
  const workloadOrigin = block.low('sourceWorkloadOrigin')
  const namespace = block.low('sourceNamespace')
  const address = block.low('sourceAddress')
  const destination = block.low('destinationService')
  // A learned name annotates; it never makes a key.
  const usable = identityOrigin.dictionary.map((origin) => origin === 'record' || origin === 'inventory')
  const declared = workloadOrigin.dictionary.map((origin) => origin === 'inventory')
  const { rows } = block
  const named = new Uint32Array(rows)
  const fallback = new Uint32Array(rows)
  const ownWorkload = new Uint32Array(rows)
  const ownNamespace = new Uint32Array(rows)
  const byAddress = new Uint32Array(rows)
  for (let row = 0; row < rows; row += 1) {
    const name = identity.index[row]!
    const known = name !== 0 && usable[identityOrigin.index[row]!]!
    const lives = addressIdentity.index[row]!
    if (known) named[row] = name
    else fallback[row] = lives
    if (declared[workloadOrigin.index[row]!]!) {
      ownWorkload[row] = workload.index[row]!
      ownNamespace[row] = namespace.index[row]!
    } else if (!known && lives === 0) byAddress[row] = address.index[row]!
  }
  table.makeRoom()
  const numbers = {
    destination: table.numbersOf(destination.dictionary),
    identity: table.numbersOf(identity.dictionary),
    addressIdentity: table.numbersOf(addressIdentity.dictionary),
    workload: table.numbersOf(workload.dictionary),
    namespace: table.numbersOf(namespace.dictionary),
    // Most pairs need no address, and addresses are many.
    address: byAddress.some((place) => place !== 0) ? table.numbersOf(address.dictionary) : NONE,
  }
  return {
    columns: [
      { index: destination.index, size: destination.dictionary.length },
      { index: named, size: identity.dictionary.length },
      { index: fallback, size: addressIdentity.dictionary.length },
      { index: ownWorkload, size: workload.dictionary.length },
      { index: ownNamespace, size: namespace.dictionary.length },
      { index: byAddress, size: address.dictionary.length },
    ],
    pair: (row) =>
      table.pair(
        numbers.destination[destination.index[row]!]!,
        numbers.identity[named[row]!]! || numbers.addressIdentity[fallback[row]!]!,
        numbers.workload[ownWorkload[row]!]!,
        numbers.namespace[ownNamespace[row]!]!,
        numbers.address[byAddress[row]!]!,
      ),
  }
}

const NONE = new Int32Array(1)
