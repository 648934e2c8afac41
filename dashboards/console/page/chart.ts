/** One chart of a pair: what was seen, over the band of what is usual, with a mark where a detector spoke. */
import uPlot from 'uplot'
import { h } from './dom.ts'
import { clock } from './format.ts'
import { colours } from './theme.ts'

export interface Series {
  title: string
  /** Epoch milliseconds, with a value each; null where there is none. */
  points: readonly (readonly [at: number, value: number | null])[]
  band: { low: number; median: number; high: number } | undefined
  /** What a detector saw, expected, and could have found at the least, in this chart's unit. */
  found: readonly { at: number; observed: number; expected: number; least: number | null }[]
  /** When something was found of it, whatever the unit. */
  marks: readonly number[]
  text(value: number): string
}

export interface Chart {
  element: HTMLElement
  stop(): void
}

const HEIGHT = 150
const MARK_HEIGHT = 9
const SYNC = 'pair'

export function chartOf(series: Series, span: { from: number; until: number }): Chart {
  const holder = h('div', { class: 'plot', 'aria-hidden': 'true' })
  const element = h(
    'figure',
    { class: 'chart panel' },
    h('figcaption', {}, h('h2', {}, series.title), h('p', { class: 'quiet' }, captionOf(series))),
    holder,
  )
  let plot: uPlot | undefined
  const observer = new ResizeObserver(() => {
    const width = holder.clientWidth
    if (width === 0) return
    if (plot === undefined) plot = new uPlot(optionsOf(series, span, width), dataOf(series), holder)
    else plot.setSize({ width, height: HEIGHT })
  })
  observer.observe(holder)
  return {
    element,
    stop() {
      observer.disconnect()
      plot?.destroy()
    },
  }
}

function captionOf({ points, band, found, text }: Series): string {
  const values = points.flatMap(([, value]) => (value === null ? [] : [value]))
  if (values.length === 0) return 'nothing was measured'
  const between = (low: number, high: number) =>
    text(low) === text(high) ? text(low) : `${text(low)} to ${text(high)}`
  const seen = between(Math.min(...values), Math.max(...values))
  const usual = band === undefined ? '' : `; usual ${between(band.low, band.high)}`
  const [last] = found
  const told = last === undefined ? '' : `; a detector saw ${text(last.observed)}, expected ${text(last.expected)}`
  return `${seen}${usual}${told}`
}

function dataOf({ points, band }: Series): uPlot.AlignedData {
  const times = points.map(([at]) => at / 1000)
  const flat = (value: number | undefined) => times.map(() => value ?? null)
  return [times, flat(band?.high), flat(band?.low), points.map(([, value]) => value)]
}

function optionsOf(series: Series, { from, until }: { from: number; until: number }, width: number): uPlot.Options {
  const { 's-new': line, quiet, border: grid, band: fillColour } = colours(['s-new', 'quiet', 'border', 'band'])
  const font = `11px ${getComputedStyle(document.body).fontFamily}`
  const axis = { stroke: quiet!, font, grid: { stroke: grid!, width: 1 }, ticks: { stroke: grid!, width: 1 } }
  const none = { stroke: 'transparent', points: { show: false } }
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: SYNC }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: [from / 1000, until / 1000] },
      y: { range: (_, low, high) => rangeOf(series, low, high) },
    },
    axes: [
      { ...axis, size: 28, values: (_, splits) => splits.map((at) => clock(at * 1000).slice(0, 5)) },
      { ...axis, size: 64, values: (_, splits) => splits.map((value) => series.text(value)) },
    ],
    series: [{}, none, none, { stroke: line!, width: 1.6, points: { size: 4, fill: line! }, spanGaps: false }],
    bands: [{ series: [1, 2], fill: fillColour! }],
    hooks: { draw: [(plot) => drawMarks(plot, series)] },
  }
}

/** All that is drawn, and nothing below zero where nothing is. */
function rangeOf({ band, found }: Series, low: number, high: number): [number, number] {
  const more = found.flatMap(({ observed, expected, least }) => [observed, expected, least ?? observed])
  const all = [low, high, ...(band === undefined ? [] : [band.low, band.high]), ...more].filter(Number.isFinite)
  const [least, most] = [Math.min(0, ...all), Math.max(...all)]
  return [least, most > least ? most + (most - least) * 0.08 : least + 1]
}

function drawMarks(plot: uPlot, { found, marks }: Series): void {
  const { ctx, bbox } = plot
  const at = (ms: number) => plot.valToPos(ms / 1000, 'x', true)
  const y = (value: number) => plot.valToPos(value, 'y', true)
  const scale = devicePixelRatio
  ctx.save()
  ctx.strokeStyle = ctx.fillStyle = colours(['s-outside'])['s-outside']
  ctx.lineWidth = 2 * scale
  for (const ms of marks) line(ctx, at(ms), bbox.top, bbox.top + MARK_HEIGHT * scale)
  ctx.lineWidth = 3 * scale
  for (const { at: ms, observed, expected, least } of found) {
    line(ctx, at(ms), y(expected), y(least ?? expected))
    ctx.beginPath()
    ctx.arc(at(ms), y(observed), 4 * scale, 0, 2 * Math.PI)
    ctx.fill()
  }
  ctx.restore()
}

function line(ctx: CanvasRenderingContext2D, x: number, from: number, to: number): void {
  ctx.beginPath()
  ctx.moveTo(x, from)
  ctx.lineTo(x, to)
  ctx.stroke()
}
