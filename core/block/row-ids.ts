/** Ids of a row that are bytes still, where they came in: they go into blocks as they are, and never become strings. */

const NOWHERE = { view: new DataView(new ArrayBuffer(0)) }

/** ASCII of fewer than 128 bytes, or nothing. */
export class TextSpan {
  source: { readonly view: DataView } = NOWHERE
  from = 0
  end = 0

  get isThere(): boolean {
    return this.end > this.from
  }

  forget(): void {
    this.end = this.from
  }
}

/** An id that is not here is the call's own. Good until the memory they stand in has another use. */
export class RowIds {
  readonly requestId = new TextSpan()
  readonly traceId = new TextSpan()

  forget(): void {
    this.requestId.forget()
    this.traceId.forget()
  }
}
