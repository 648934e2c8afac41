import { describe, expect, it } from 'vitest'
import { encodeLogs } from '../../demo/otlp.ts'
import { EDGES } from '../../demo/shop.ts'
import { simulate } from '../../demo/simulation.ts'

function take(seed: number, minutes: number, attacks = false, days = 0) {
  const out = []
  for (const minute of simulate({ seed, attacks, days }, 1_700_000_000_000_000)) {
    out.push(minute)
    if (out.length === minutes) break
  }
  return out
}

describe('the simulated shop', () => {
  it('tells the same story for the same seed, and another for another', () => {
    const bytes = (seed: number) => take(seed, 5).map((minute) => encodeLogs(minute.records).toString('base64'))
    expect(bytes(7)).toEqual(bytes(7))
    expect(bytes(7)).not.toEqual(bytes(8))
  })

  it('each call is reported by both proxies under one request id', () => {
    const records = take(1, 3).flatMap((minute) => minute.records)
    const requests = records.filter((record) => record.attributes.method !== '-')
    const ids = new Map<string, typeof requests>()
    for (const record of requests) {
      const id = record.attributes.request_id ?? ''
      ids.set(id, [...(ids.get(id) ?? []), record])
    }
    expect(ids.size).toBeGreaterThan(100)
    for (const both of ids.values()) {
      expect(both.map((record) => record.attributes.upstream_cluster?.split('|')[0]).sort()).toEqual([
        'inbound',
        'outbound',
      ])
    }
  })

  it('every record ends within its minute', () => {
    for (const { untilUs, records } of take(3, 4)) {
      for (const record of records.filter((r) => r.attributes.method !== '-')) {
        const end = record.startUs + Number(record.attributes.duration_us) - 1_700_000_000_000_000
        expect(end).toBeLessThanOrEqual(untilUs + 1000)
        expect(end).toBeGreaterThan(untilUs - 60_000_000 - 1000)
      }
    }
  })

  it('without attacks only the declared edges are walked', () => {
    const declared = new Set(EDGES.map((edge) => `${edge.source} ${edge.destination}`))
    const walked = new Set(
      take(1, 10)
        .flatMap((minute) => minute.records)
        .filter((record) => record.attributes.upstream_cluster?.startsWith('outbound'))
        .map(
          (record) =>
            `${record.pod.service} ${/\|([a-z]+)\.shop\./.exec(record.attributes.upstream_cluster ?? '')?.[1]}`,
        ),
    )
    expect([...walked].filter((edge) => !declared.has(edge))).toEqual([])
  })

  it('the attacks come after the ordinary days, and only where asked for', () => {
    const flags = (attacks: boolean) =>
      take(1, 2, attacks).flatMap((minute) => minute.records.map((record) => record.attributes.response_code_details))
    expect(flags(false).some((details) => details?.includes('deny-admin'))).toBe(false)
    expect(flags(true).some((details) => details?.includes('deny-admin'))).toBe(true)
  })
})
