import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRecording } from '../envoy/fixture.ts'
import { eastwatch, FREE_PORTS, folderWith, runningIn, type Up, until, up } from './command.ts'

const SCENARIOS = ['allowed_http', 'allowed_grpc', 'denied_http', 'denied_1000', 'client_unknown_ca', 'chain'] as const
// The recordings keep their own times; they are to stay however old they are.
const folder = folderWith({ ...FREE_PORTS, storage: { port: 0, ttlDays: { calls: 3650 } } })
let running: Up
let sent = 0

function post(body: Buffer | string, type = 'application/x-protobuf'): Promise<Response> {
  return fetch(`${running.http}/v1/logs`, { method: 'POST', headers: { 'content-type': type }, body })
}

const query = (sql: string, ...more: string[]) => eastwatch(folder, ['query', sql, ...more])

async function stored(): Promise<number> {
  const { out } = await query('SELECT count() AS n FROM calls', '--json')
  return Number(JSON.parse(out).n)
}

beforeAll(async () => {
  running = await up(folder)
})

afterAll(async () => {
  await running.stop()
  rmSync(folder, { recursive: true })
})

describe('eastwatch up', () => {
  it('says where to send what, and where everything is', () => {
    for (const text of ['OTLP gRPC', 'OTLP HTTP', 'docs/connect-envoy.md', 'eastwatch doctor', '/readyz', folder]) {
      expect(running.out()).toContain(text)
    }
  })

  it('is ready, and says of each part why', async () => {
    const answer = await fetch(`${running.health}/readyz`)
    expect(answer.status).toBe(200)
    const { parts } = (await answer.json()) as { parts: Record<string, { ready: boolean; detail: string }> }
    expect(Object.keys(parts)).toEqual(['start', 'store', 'time', 'collector', 'bus', 'console', 'groups'])
    for (const { detail } of Object.values(parts)) expect(detail).not.toBe('')
  })

  it('an empty store is told as such by doctor: exit code 1, and what to do', async () => {
    const { code, out } = await eastwatch(folder, ['doctor'])
    expect(code).toBe(1)
    expect(out).toContain('No calls were stored in the last hour')
    expect(out).toContain('docs/connect-envoy.md')
    const json = await eastwatch(folder, ['doctor', '--json'])
    expect(json.code).toBe(1)
    expect(JSON.parse(json.out)).toEqual({ hours: 1, running: true, services: [], rejected: [] })
    expect(out).toContain(`eastwatch up runs on ${folder}/eastwatch-data. Send it access logs`)
  })

  it('takes what a real Envoy sent, and stores every record once', async () => {
    for (const scenario of SCENARIOS) {
      const { bodies, facts } = readRecording(scenario)
      for (const body of bodies) expect((await post(body)).status).toBe(200)
      sent += facts.records
    }
    await until(async () => (await stored()) >= sent)
    expect(await stored()).toBe(sent)
  })

  it('shows in /metrics what it received, stored and has yet to read', async () => {
    const text = await (await fetch(`${running.health}/metrics`)).text()
    expect(text).toMatch(new RegExp(`^eastwatch_collector_records_total\\{.*signal="logs".*\\} ${sent}$`, 'm'))
    expect(text).toMatch(new RegExp(`^eastwatch_stored_rows_total\\{.*table="calls".*\\} ${sent}$`, 'm'))
    expect(text).toMatch(/^eastwatch_group_lag_records\{.*group="storage-calls".*\} \d+$/m)
    expect(text).toMatch(/^eastwatch_log_bytes\{.*topic="eastwatch.calls".*\} [1-9]\d*$/m)
    expect(text).toMatch(/^eastwatch_store_restarts_total.* 0$/m)
    expect(text).toMatch(/^eastwatch_store_bytes.* \d+$/m)
    expect(text).toMatch(
      /^eastwatch_detector_events_total\{.*kind="rows",.*stage="stage1".*\} [1-9]\d*$|stage="stage1",kind="rows".*\} [1-9]/m,
    )
  })

  it('its health is told to localhost only', async () => {
    const { request } = await import('node:http')
    const status = await new Promise((resolve) => {
      request(`${running.health}/metrics`, { headers: { host: 'attacker.example' } }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      }).end()
    })
    expect(status).toBe(421)
  })

  it('reads declared objects anew on SIGHUP; broken ones change nothing, and are named', async () => {
    const policy = join(folder, 'eastwatch-data/policy')
    running.child.kill('SIGHUP')
    await until(() => running.err().includes('policy was read anew; other settings need a restart'))
    mkdirSync(policy, { recursive: true })
    writeFileSync(join(policy, 'broken.yaml'), 'kind: Pod\nkind: Pod\n')
    running.child.kill('SIGHUP')
    await until(() => running.err().includes('the one before stays in force'))
    expect(running.err()).toContain(`policy folder ${policy}: broken.yaml:2: holds the same key twice`)
    rmSync(policy, { recursive: true })
    expect((await fetch(`${running.health}/readyz`)).status).toBe(200)
  })
})

describe('eastwatch query', () => {
  it('answers as a table, and one object a line with --json', async () => {
    expect((await query("SELECT 'x' AS letter")).out).toContain('letter')
    expect(await query("SELECT 'x' AS letter", '--json')).toEqual({ code: 0, out: '{"letter":"x"}\n', err: '' })
  })

  it('refuses what is no reading, in one sentence', async () => {
    for (const sql of [
      'DROP TABLE calls',
      'INSERT INTO calls VALUES (1)',
      "SELECT * FROM file('/etc/passwd')",
      'SELEC 1',
    ]) {
      const { code, out, err } = await query(sql)
      expect([code, out], sql).toEqual([1, ''])
      expect(err, sql).toMatch(/^eastwatch query: .+\n$/)
      expect(err).not.toContain('    at ')
    }
  })

  it('says so where there are no rows, and prints nothing to read for a program', async () => {
    expect(await query('SELECT 1 WHERE 0')).toEqual({ code: 0, out: '', err: 'no rows\n' })
    expect(await query('SELECT 1 WHERE 0', '--json')).toEqual({ code: 0, out: '', err: '' })
  })

  it('says what is wrong in words, and where to look', async () => {
    for (const [sql, words] of [
      ['SELECT * FROM nosuch', /^eastwatch query: Unknown table .*nosuch.*; "SHOW TABLES" lists what there is\n$/],
      ['SELECT nosuch FROM calls', /^eastwatch query: .*nosuch.*; "DESCRIBE <table>" lists its columns\n$/],
      ['SELECT number FROM numbers(5000000)', /^eastwatch query: Limit for result .+; add LIMIT, or raise storage/],
    ] as const) {
      const { code, err } = await query(sql)
      expect(code).toBe(1)
      expect(err).toMatch(words)
      expect(err).not.toMatch(/Code:|DB::|[A-Z]_[A-Z]/)
    }
  })

  it('needs one statement', async () => {
    for (const args of [
      ['query'],
      ['query', ' '],
      ['query', 'SELECT', '1'],
      ['query', 'SELECT 1', '--format', 'xml'],
    ]) {
      const { code, err } = await eastwatch(folder, args)
      expect(code).toBe(2)
      expect(err).toContain('Usage: eastwatch query "SELECT ..."')
      expect(err.split('\n')).toHaveLength(3)
    }
  })
})

describe('eastwatch doctor', () => {
  it('tells of each service what its telemetry holds, and what mends it', async () => {
    const { code, out } = await eastwatch(folder, ['doctor', '--hours', '87600'])
    expect(code).toBe(1)
    expect(out).toContain('cart.shop')
    expect(out).toContain('docs/policy.md')
  })

  it('tells programs the same', async () => {
    const { code, out } = await eastwatch(folder, ['doctor', '--hours', '87600', '--json'])
    expect(code).toBe(1)
    const { services } = JSON.parse(out) as { services: { service: string; detectors: { detector: string }[] }[] }
    const cart = services.find(({ service }) => service.startsWith('cart.shop'))
    expect(cart?.detectors.map(({ detector }) => detector)).toEqual([
      'denial_spike',
      'tls_failure',
      'new_path',
      'latency_shift',
      'telemetry_stopped',
    ])
  })

  it('takes whole hours only', async () => {
    for (const hours of ['0', '-1', '1.5', 'many', '']) {
      const { code, err } = await eastwatch(folder, ['doctor', `--hours=${hours}`])
      expect([code, err], hours).toEqual([2, expect.stringContaining('--hours takes a whole number')])
    }
  })
})

describe('the end of eastwatch up', () => {
  it('SIGTERM drains, ends with 0 and leaves no process; query answers from the folder afterwards', async () => {
    const { bodies, facts } = readRecording('retried')
    for (const body of bodies) expect((await post(body)).status).toBe(200)
    expect((await running.stop()).code).toBe(0)
    expect(runningIn(folder)).toEqual([])
    expect(readdirSync(join(folder, 'eastwatch-data'))).not.toContain('endpoint.json')
    expect(await stored()).toBeGreaterThanOrEqual(sent)
    expect(runningIn(folder)).toEqual([])
    running = await up(folder)
    sent += facts.records
    await until(async () => (await stored()) >= sent)
    expect(await stored()).toBe(sent)
    // Four starts of the engine, which take long where other tests share the machine.
  }, 90_000)
})
