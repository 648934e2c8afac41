/** Parts of the page that come when they are needed. They are named by their content: an upgraded Eastwatch has no longer those of an old page. */
export const loadGraph = () => part(import('./map-graph.ts'))
export const loadChart = () => part(import('./chart.ts'))

async function part<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading
  } catch (cause) {
    throw new Error('a part of the page does not come; if Eastwatch was upgraded, load the page again', { cause })
  }
}
