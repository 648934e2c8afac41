/** How the map is drawn. Each state has a line, an arrow and a word of its own; colour comes on top. */
import type { StylesheetJson } from 'cytoscape'
import type { PathState } from '../data/path-state.ts'
import { STATES } from './path-words.ts'
import { colours } from './theme.ts'

const PLAIN = ['text', 'surface', 'border', 'back', 'quiet', 'focus', 'chosen'] as const

type Line = Record<string, string | number | number[]>

const LINES: Readonly<Record<PathState, Line>> = {
  outside: { width: 4.5, 'target-arrow-shape': 'chevron' },
  denied: { width: 3, 'line-style': 'dashed', 'line-dash-pattern': [9, 6], 'target-arrow-shape': 'tee' },
  failing: {
    width: 3,
    'line-style': 'dashed',
    'line-dash-pattern': [12, 4, 3, 4],
    'target-arrow-shape': 'triangle-cross',
  },
  plaintext: { width: 3, 'line-style': 'dotted', 'target-arrow-shape': 'diamond' },
  new: { width: 3, 'line-style': 'dashed', 'line-dash-pattern': [22, 5], 'target-arrow-shape': 'circle-triangle' },
  undecided: { width: 1.4, 'target-arrow-shape': 'vee' },
  authorised: { width: 1.6, 'target-arrow-shape': 'triangle' },
}

export function mapStyle(): StylesheetJson {
  const { text, surface, border, back, quiet, focus, chosen } = colours(PLAIN)
  const ofState = colours(STATES.map((state) => `s-${state}` as const))
  const font = getComputedStyle(document.body).fontFamily
  const states = STATES.map((state) => ({
    selector: `edge[state = "${state}"]`,
    style: {
      ...LINES[state],
      'line-color': ofState[`s-${state}`],
      'target-arrow-color': ofState[`s-${state}`],
      color: ofState[`s-${state}`],
    },
  }))
  const borders = (['outside', 'denied', 'failing', 'plaintext', 'new'] as const).map((state) => ({
    selector: `node[worst = "${state}"]`,
    style: { 'border-color': ofState[`s-${state}`], 'border-width': 2 },
  }))
  return [
    {
      selector: 'node',
      style: {
        shape: 'round-rectangle',
        width: 'data(width)',
        height: 38,
        'background-color': surface,
        'border-color': border,
        'border-width': 1,
        label: 'data(label)',
        color: text,
        'font-family': font,
        'font-size': 13,
        'text-valign': 'center',
        'text-halign': 'center',
        'text-wrap': 'wrap',
        'min-zoomed-font-size': 6,
        'z-index': 10,
      },
    },
    {
      selector: 'node[kind = "namespace"]',
      style: { 'border-style': 'double', 'border-width': 4, 'font-weight': 'bold' },
    },
    {
      selector: 'node[kind = "heading"]',
      style: {
        'background-opacity': 0,
        'border-width': 0,
        'font-size': 46,
        'font-weight': 'bold',
        width: 10,
        events: 'no',
        color: quiet,
      },
    },
    {
      selector: 'edge',
      style: {
        'curve-style': 'bezier',
        'control-point-step-size': 34,
        'arrow-scale': 1.1,
        label: 'data(label)',
        'font-family': font,
        'font-size': 12,
        'font-weight': 'bold',
        'min-zoomed-font-size': 7,
        'text-margin-y': -11,
        'text-background-color': back,
        'text-background-opacity': 0.85,
        'text-background-padding': '1px',
      },
    },
    {
      selector: 'edge[weights]',
      style: {
        'curve-style': 'round-segments',
        'segment-weights': 'data(weights)',
        'segment-distances': 'data(distances)',
        'segment-radii': 40,
        'edge-distances': 'node-position',
      },
    },
    ...states,
    ...borders,
    { selector: '.tangled', style: { 'curve-style': 'straight', opacity: 0.85 } },
    { selector: '.tangled:loop', style: { display: 'none' } },
    {
      selector: '.tangled[state = "authorised"], .tangled[state = "undecided"]',
      style: { width: 1, opacity: 0.3, 'target-arrow-shape': 'none' },
    },
    { selector: '.faint', style: { opacity: 0.12 } },
    { selector: 'edge.near', style: { opacity: 1, 'z-index': 9 } },
    {
      selector: 'node:selected',
      style: { 'border-color': focus, 'border-width': 4, 'background-color': chosen },
    },
    { selector: 'node:active, edge:active', style: { 'overlay-opacity': 0.08 } },
  ] as StylesheetJson
}
