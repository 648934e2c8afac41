/** What each kind of panel needs of a frame, as Grafana's own code makes it of the plugin's answer. */
import { expect } from 'vitest'
import type { PanelQuery } from '../../dashboards/grafana/panel-queries.ts'
import type { Field, GrafanaAnswer } from '../storage/grafana-plugin.ts'

const GRAPH = {
  nodes: { texts: ['id', 'title', 'subtitle'], numbers: ['mainstat', 'secondarystat'] },
  edges: { texts: ['id', 'source', 'target', 'color'], numbers: ['mainstat', 'secondarystat', 'thickness'] },
}

/** An answer without rows comes without columns, and the panel says that there is no data. */
export function expectFrame(query: PanelQuery, { frame, count, error }: GrafanaAnswer): void {
  const { type, target, named } = query
  expect(error).toBeUndefined()
  if (count === 0) return
  const { fields } = frame!.schema
  const typesOf = (names: readonly string[]) => names.map((name) => fields.find((field) => field.name === name)?.type)
  if (type === 'timeseries') expectSeries(query, fields)
  else expect(fields.map(({ name }) => name)).toEqual(expect.arrayContaining(named))
  if (type === 'stat') expect(new Set(fields.map((field) => field.type))).toEqual(new Set(['number']))
  if (type === 'nodeGraph') {
    const { texts, numbers } = GRAPH[target.refId as keyof typeof GRAPH]
    const parts = fields.map(({ name }) => name).filter((name) => /^arc__|^detail__/.test(name))
    expect(parts.length).toBeGreaterThan(0)
    expect(new Set(typesOf(texts))).toEqual(new Set(['string']))
    expect(new Set(typesOf([...numbers, ...parts]))).toEqual(new Set(['number']))
  }
}

/** A time, then a field for each series: by its name, or by the label that the panel shows. */
function expectSeries({ named }: PanelQuery, [time, ...series]: Field[]): void {
  expect(time).toMatchObject({ name: 'time', type: 'time' })
  for (const { name, type, labels = {} } of series) {
    expect([name, type, Object.keys(labels)]).toEqual([name, 'number', named])
  }
  const names = series.map(({ name, labels }) => JSON.stringify([name, labels]))
  expect(new Set(names).size).toBe(names.length)
}
