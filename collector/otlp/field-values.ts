/** What a record says, field by field (FIELD positions): what stands in bytes need never become a string. */
import type { TextSpan } from '../../core/block.ts'
import { numberOfText } from './digits.ts'

export interface FieldValues {
  /** '' where absent. */
  textOf(field: number): string
  /** Of at most 16 decimal digits; -1 for any other text. */
  numberOf(field: number): number
  /** Says in `span` where the value stands, if its text is those bytes, all ASCII; false, with `span` as it was, elsewhere. */
  spanOf(field: number, span: TextSpan): boolean
  /** Of FLEETING_PORT fields: the address, maybe with the port of another record that has the same mark. */
  addressOf(field: number): string
  /** Of FLEETING_PORT fields; -1 where the address itself tells it. */
  portOf(field: number): number
}

export class TextValues implements FieldValues {
  readonly #values: readonly string[]

  constructor(values: readonly string[]) {
    this.#values = values
  }

  textOf(field: number): string {
    return this.#values[field]!
  }

  numberOf(field: number): number {
    return numberOfText(this.#values[field]!)
  }

  spanOf(): boolean {
    return false
  }

  addressOf(field: number): string {
    return this.#values[field]!
  }

  portOf(): number {
    return -1
  }
}
