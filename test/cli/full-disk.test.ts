/** The data folder's disk fills up under a running pipeline, and is freed again. */
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { credentials, Client as GrpcClient, status } from '@grpc/grpc-js'
import { expect, it } from 'vitest'
import { logs } from '../collector/requests.ts'
import { eastwatch, FREE_PORTS, folderWith, type Up, until, up } from './command.ts'
import { mountDisk } from './disk.ts'

const RECORDS = 500
const EXPORT = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'

async function post({ http }: Up, body: Buffer): Promise<Response> {
  return fetch(`${http}/v1/logs`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body })
}

function exportGrpc({ grpc }: Up, body: Buffer): Promise<number> {
  const client = new GrpcClient(grpc, credentials.createInsecure())
  const same = (bytes: Buffer) => bytes
  return new Promise<number>((resolve) => {
    client.makeUnaryRequest(EXPORT, same, same, body, (error) => resolve(error?.code ?? status.OK))
  }).finally(() => client.close())
}

function fill(file: string): void {
  const megabyte = Buffer.alloc(1024 * 1024, 1)
  writeFileSync(file, '')
  for (let size = megabyte.length; size >= 1; ) {
    try {
      appendFileSync(file, megabyte.subarray(0, size))
    } catch {
      size = Math.floor(size / 4)
    }
  }
}

async function stored(folder: string): Promise<number> {
  const sql = 'SELECT (SELECT count() FROM calls) + (SELECT count() FROM rejected FINAL) AS n'
  const { out } = await eastwatch(folder, ['query', sql, '--json'])
  return out === '' ? 0 : Number(JSON.parse(out).n)
}

const ready = async ({ health }: Up) => (await fetch(`${health}/readyz`)).status

it('while the disk is full senders are put off; what was acknowledged stays, and it goes on when there is room', async (context) => {
  const folder = folderWith(FREE_PORTS)
  const data = join(folder, 'eastwatch-data')
  mkdirSync(data)
  const disk = mountDisk(data, 'size=128m')
  if (disk === undefined) return context.skip('no file system can be mounted here')
  const filler = join(data, 'filler')
  let running: Up | undefined
  try {
    running = await up(folder)
    let acknowledged = 0
    const refused: Buffer[] = []
    expect((await post(running, logs(RECORDS, 'before'))).status).toBe(200)
    acknowledged += RECORDS
    await until(async () => (await stored(folder)) === acknowledged)

    fill(filler)
    for (let i = 0; refused.length < 5; i += 1) {
      if (i > 2000) throw new Error('the disk never was full')
      const body = logs(RECORDS, `full-${i}`)
      const answer = await post(running, body)
      if (answer.status === 200) acknowledged += RECORDS
      else {
        expect(answer.status).toBe(503)
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
        refused.push(body)
      }
    }
    expect(await exportGrpc(running, refused[0]!)).toBe(status.UNAVAILABLE)
    await until(async () => (await ready(running!)) === 503)
    expect(await (await fetch(`${running.health}/readyz`)).text()).toContain('is the disk full?')

    rmSync(filler)
    const again = running
    await until(async () => (await ready(again)) === 200)
    for (const body of refused) {
      expect((await post(running, body)).status).toBe(200)
      acknowledged += RECORDS
    }
    await until(async () => (await stored(folder)) >= acknowledged, 60_000)
    expect(await stored(folder)).toBe(acknowledged)
    expect((await running.stop()).code).toBe(0)
  } finally {
    running?.child.kill('SIGKILL')
    await running?.ended
    disk.unmount()
    rmSync(folder, { recursive: true, force: true })
  }
}, 150_000)
