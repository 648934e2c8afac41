/** Windows of a large mesh: services in namespaces of 25, each of which calls five others; some paths stand out. */
const STEPS = [1, 2, 7, 31, 211]
const NAMESPACE_SIZE = 25

export interface MeshRows {
  windows: object[]
  paths: object[]
}

/** `end`: of the window they are all of, seconds since the epoch. */
export function meshRows(services: number, end: number): MeshRows {
  const nameOf = (at: number) => `svc-${String(at % services).padStart(4, '0')}`
  const namespaceOf = (at: number) => `team-${String(Math.floor((at % services) / NAMESPACE_SIZE)).padStart(2, '0')}`
  const rows: MeshRows = { windows: [], paths: [] }
  for (let at = 0; at < services; at += 1) {
    for (const step of STEPS) {
      const called = at + step
      const pair = {
        source_identity: `cluster.local/ns/${namespaceOf(at)}/sa/${nameOf(at)}`,
        source_namespace: namespaceOf(at),
        source_workload: nameOf(at),
        source_address: '',
        destination_service: `${nameOf(called)}.${namespaceOf(called)}`,
      }
      const common = { end, trust: 'verified', ...pair, requests: 100 + at, batch: 'mesh' }
      rows.windows.push({
        ...common,
        start: end - 10,
        destination_identities: [`cluster.local/ns/${namespaceOf(called)}/sa/${nameOf(called)}`],
        denied: at % 97 === 0 && step === 1 ? 7 : 0,
        plaintext: at % 131 === 5 && step === 2 ? 3 : 0,
      })
      const times = { first: `${end - 60}.000000`, last: `${end}.000000` }
      rows.paths.push({ ...common, ...times, method: 'GET', route: '/', allowed: 100 + at })
    }
  }
  return rows
}
