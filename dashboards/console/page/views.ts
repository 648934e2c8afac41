/** Every view there is. Another is a file and an entry here. */

import { coverageView } from './coverage-view.ts'
import { h } from './dom.ts'
import { incidentView } from './incident-view.ts'
import { incidentsView } from './incidents-view.ts'
import { mapView } from './map-view.ts'
import { pairView } from './pair-view.ts'
import type { Place } from './router.ts'
import { silencesView } from './silences-view.ts'
import type { Surroundings, View } from './view.ts'

export const TABS = [
  { name: 'map', text: 'Map' },
  { name: 'incidents', text: 'Incidents' },
  { name: 'silences', text: 'Silences' },
  { name: 'coverage', text: 'Coverage' },
] as const

const VIEWS: Readonly<Record<string, (place: Place, around: Surroundings) => View>> = {
  map: mapView,
  incidents: incidentsView,
  incident: incidentView,
  pair: pairView,
  coverage: coverageView,
  silences: silencesView,
}

export function openView(place: Place, around: Surroundings): View {
  const view = Object.hasOwn(VIEWS, place.name) ? VIEWS[place.name] : undefined
  return view?.(place, around) ?? nothing()
}

function nothing(): View {
  return {
    element: h('p', { class: 'lonely' }, 'There is no such page. The tabs above lead to those there are.'),
    title: 'No such page',
    load: async () => {},
  }
}
