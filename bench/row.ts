/** One line of a benchmark's result, for people. */
export interface Row {
  measured: string
  figure: string
}

export type Benchmark = () => Promise<Row[]>
