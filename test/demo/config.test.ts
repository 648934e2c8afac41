import { describe, expect, it } from 'vitest'
import { EastwatchConfig } from '../../cli/config.ts'
import { demoConfig } from '../../cli/demo-config.ts'

/** Paths at which two plain values differ. */
function differences(a: unknown, b: unknown, path = ''): string[] {
  if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null && !Array.isArray(a)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)])
    return [...keys].flatMap((key) =>
      differences((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], `${path}.${key}`),
    )
  }
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [path.slice(1)]
}

const FOLDER_AND_RECEIVER = ['alerts.receivers', 'dataFolder', 'logLevel']
const PORTS = ['collector.grpcAddress', 'collector.httpAddress', 'console.address', 'storage.port', 'telemetry.address']

describe("the demo's configuration", () => {
  const url = 'http://127.0.0.1:1/incidents'

  it('differs from the defaults in folder, receiver and its own log lines only', () => {
    expect(differences(EastwatchConfig.parse({}), demoConfig('/x', url, false)).sort()).toEqual(FOLDER_AND_RECEIVER)
  })

  it('takes free ports where asked, and differs in nothing else', () => {
    const changed = differences(EastwatchConfig.parse({}), demoConfig('/x', url, true)).sort()
    expect(changed).toEqual([...FOLDER_AND_RECEIVER, ...PORTS].sort())
  })
})
