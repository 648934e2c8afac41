/** docs/block-format.md says what the code does: its table of columns, and a block read by nothing but what it says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { encodeBlock, MAX_BLOCK_BYTES, MAX_BLOCK_ROWS } from '../../core/block.ts'
import { CALL_COLUMNS, emptyCall } from '../../core/call.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/block-format.md'), 'utf8')

it('the page lists every column with its kind, in order', () => {
  const listed = [...page.matchAll(/^\| (\d+) \| `(\w+)` \| `(\w+)` \| \S.* \|$/gm)].map(([, number, name, kind]) => [
    Number(number),
    name,
    kind,
  ])
  expect(listed).toEqual(Object.entries(CALL_COLUMNS).map(([name, kind], i) => [i + 1, name, kind]))
})

it('the page states the limits', () => {
  expect(page).toContain(`at most ${MAX_BLOCK_ROWS.toLocaleString('en')} `)
  expect(page).toContain(`at most ${MAX_BLOCK_BYTES / 1024 ** 2} MiB`)
  expect(page).toContain(`\`columns\`: ${Object.keys(CALL_COLUMNS).length} in version 1`)
})

it('a block is laid out as the page says', () => {
  const calls = [
    { ...emptyCall(), method: 'GET', path: '/é', status: 200, grpcStatus: -1, end: 1_700_000_000_123_456, late: true },
    { ...emptyCall(), method: 'PUT', path: '', status: 404, grpcStatus: 5 },
  ]
  const bytes = Buffer.from(encodeBlock([{ id: Buffer.alloc(16, 0xab), calls }]))
  expect(bytes.toString('latin1', 0, 4)).toBe('EWB1')
  expect([bytes.readUInt32LE(4), bytes.readUInt32LE(8)]).toEqual([2, 1])
  expect(bytes.subarray(12, 28)).toEqual(Buffer.alloc(16, 0xab))
  expect([bytes.readUInt32LE(28), bytes.readUInt32LE(32)]).toEqual([2, 63])
  const bodies = new Map<string, Buffer>()
  let at = 36 + 63 * 4
  Object.keys(CALL_COLUMNS).forEach((name, i) => {
    const end = at + bytes.readUInt32LE(36 + i * 4)
    bodies.set(name, bytes.subarray(at, end))
    at = end
  })
  expect(at).toBe(bytes.length)
  expect(bodies.get('path')).toEqual(Buffer.from([3, ...Buffer.from('/é'), 0]))
  expect(bodies.get('status')).toEqual(Buffer.from([200, 0, 404 & 0xff, 1]))
  expect(bodies.get('grpcStatus')).toEqual(Buffer.from([0xff, 0xff, 5, 0]))
  expect(bodies.get('late')).toEqual(Buffer.from([1, 0]))
  expect(bodies.get('end')?.readBigUInt64LE(0)).toBe(1_700_000_000_123_456n)
  const u64 = (value: number) => [value & 0xff, value >> 8, 0, 0, 0, 0, 0, 0]
  const entries = [0, 3, ...Buffer.from('GET'), 3, ...Buffer.from('PUT')]
  expect([...bodies.get('method')!]).toEqual([...u64(1), ...u64(0x600), ...u64(3), ...entries, ...u64(2), 1, 2])
})
