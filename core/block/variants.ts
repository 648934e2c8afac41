/**
 * What rows of one object say in those dictionary-coded columns in which they may differ. Most say what one before them said: such rows
 * share a variant, and a block looks at each variant once.
 */
import type { Call, CallColumn } from '../call.ts'

/** Variants of one object that are looked through for one that says the same. */
const MAX_COMPARED = 16
const NONE = -1

const columns = () => ({
  sourceIdentity: [] as string[],
  sourceIdentityOrigin: [] as string[],
  destinationIdentity: [] as string[],
  destinationIdentityOrigin: [] as string[],
  protocol: [] as string[],
  route: [] as string[],
  decision: [] as string[],
  decisionReason: [] as string[],
})
type VariantColumn = keyof ReturnType<typeof columns>
export const VARIANT_COLUMNS = Object.keys(columns()) as VariantColumn[]

export class Variants {
  length = 0
  #said = columns()
  /** Of each object its newest variant, and of each variant the one before it of the same object. */
  #newest: number[] = []
  #older: number[] = []

  /** There is one more object, with this ordinal. */
  open(object: number): void {
    this.#newest[object] = NONE
  }

  /** The variant that says what the call says now. */
  of(object: number, call: Call): number {
    const said = this.#said
    let variant = this.#newest[object]!
    for (let compared = 0; variant !== NONE && compared < MAX_COMPARED; compared += 1) {
      // Written out, as a loop over columns costs several times as much.
      if (
        said.route[variant] === call.route &&
        said.decisionReason[variant] === call.decisionReason &&
        said.decision[variant] === call.decision &&
        said.sourceIdentity[variant] === call.sourceIdentity &&
        said.sourceIdentityOrigin[variant] === call.sourceIdentityOrigin &&
        said.destinationIdentity[variant] === call.destinationIdentity &&
        said.destinationIdentityOrigin[variant] === call.destinationIdentityOrigin &&
        said.protocol[variant] === call.protocol
      )
        return variant
      variant = this.#older[variant]!
    }
    return this.#add(object, call)
  }

  #add(object: number, call: Call): number {
    const variant = this.length
    this.length += 1
    for (const name of VARIANT_COLUMNS) this.#said[name][variant] = call[name]
    this.#older[variant] = this.#newest[object]!
    this.#newest[object] = variant
    return variant
  }

  /** Values by variant. */
  values(name: CallColumn): readonly string[] {
    return this.#said[name as VariantColumn]
  }

  /** Takes back all but the first so many objects and variants. */
  restore(objects: number, variants: number): void {
    this.length = variants
    for (let object = 0; object < objects; object += 1) {
      while (this.#newest[object]! >= variants) this.#newest[object] = this.#older[this.#newest[object]!]!
    }
  }

  /** As `restore`, and gives their memory back. */
  clear(): void {
    this.length = 0
    this.#said = columns()
    this.#newest = []
    this.#older = []
  }
}
