import { afterAll, beforeAll, describe, it } from 'vitest'
import { findEnvoy } from './binary.ts'
import { readCalls } from './calls.ts'
import { driveAll, SCENARIO_NAMES, type ScenarioName } from './drive.ts'
import { type Recording, writeRecording } from './fixture.ts'
import { type Mesh, startMesh } from './mesh.ts'
import { CHECKS } from './scenarios.ts'

const envoy = await findEnvoy()
if ('missing' in envoy) console.log(`live Envoy tests are skipped: ${envoy.missing}`)

describe.skipIf('missing' in envoy)('a live Envoy mesh', () => {
  let mesh: Mesh | undefined
  let recordings: Record<ScenarioName, Recording>

  beforeAll(async () => {
    if ('missing' in envoy) return
    mesh = await startMesh(envoy.path)
    recordings = await driveAll(mesh)
    if (process.env.EASTWATCH_RECORD === '1') for (const name of SCENARIO_NAMES) writeRecording(recordings[name])
  }, 120_000)
  afterAll(() => mesh?.stop())

  it.each(SCENARIO_NAMES)('%s', (name) => {
    CHECKS[name](readCalls(recordings[name]), recordings[name].facts)
  })
})
