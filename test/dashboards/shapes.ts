/** What each kind of panel needs of an answer. */
import { expect } from 'vitest'
import type { PanelQuery } from '../../bench/grafana-queries.ts'

export interface Answer {
  names: string[]
  types: string[]
  rows: unknown[][]
}

/** Of ClickHouse's JSONCompactEachRowWithNamesAndTypes. */
export function answerOf(text: string): Answer {
  const [names, types, ...rows] = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  return { names, types, rows }
}

const isTime = (type = '') => /^DateTime/.test(type)
const isNumber = (type = '') => /^(Nullable\()?(U?Int|Float)/.test(type)
const isText = (type = '') => /^(LowCardinality\()?String/.test(type)

export function expectShape({ type, target, named }: PanelQuery, answer: Answer): void {
  const { names, types } = answer
  const values = (name: string) => answer.rows.map((row) => row[names.indexOf(name)])
  expect(new Set(names).size).toBe(names.length)
  for (const name of named) expect(names).toContain(name)
  if (type === 'stat') {
    expect(answer.rows).toHaveLength(1)
    expect(types.every(isNumber), types.join(', ')).toBe(true)
  }
  if (type === 'timeseries') {
    expect([names[0], isTime(types[0])]).toEqual(['time', true])
    const times = values('time') as string[]
    expect(times).toEqual([...times].sort())
    const labels = names.filter((_, i) => isText(types[i]))
    // A text is a label: it must be the one that names the series, and a point of a series must be there once.
    expect(labels).toEqual(named)
    expect(names.filter((_, i) => isNumber(types[i])).length).toBe(names.length - 1 - labels.length)
    const points = answer.rows.map((row) => [row[0], ...labels.map((label) => row[names.indexOf(label)])].join('|'))
    expect(new Set(points).size).toBe(points.length)
  }
  if (type === 'nodeGraph') expectGraph(target.refId, answer, values)
}

function expectGraph(refId: string, { names, types }: Answer, values: (name: string) => unknown[]): void {
  const needed = refId === 'nodes' ? ['id', 'title'] : ['id', 'source', 'target']
  for (const name of needed) expect(isText(types[names.indexOf(name)]), name).toBe(true)
  for (const name of ['mainstat', 'secondarystat']) expect(isNumber(types[names.indexOf(name)]), name).toBe(true)
  const ids = values('id')
  expect(new Set(ids).size).toBe(ids.length)
  // Columns that the panel does not know would not be shown.
  const known = /^(id|title|subtitle|mainstat|secondarystat|source|target|color|thickness|(arc|detail)__\w+)$/
  for (const name of names) expect(name).toMatch(known)
  const arcs = names.filter((name) => name.startsWith('arc__')).map(values)
  for (const i of ids.keys()) {
    if (arcs.length > 0) expect(arcs.reduce((sum, arc) => sum + Number(arc[i]), 0)).toBeCloseTo(1, 6)
  }
}
