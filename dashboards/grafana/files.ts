/** The dashboards as files that Grafana reads. */
import { DASHBOARDS } from './registry.ts'

/** From the repository's root. */
export const FOLDER = 'dashboards/grafana/generated'

/** Text by name of the file. */
export function dashboardFiles(): Record<string, string> {
  return Object.fromEntries(DASHBOARDS.map((one) => [`${one.uid}.json`, `${JSON.stringify(one, null, 2)}\n`]))
}
