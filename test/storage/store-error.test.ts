import { ClickHouseError } from '@clickhouse/client'
import { describe, expect, it } from 'vitest'
import { storeError } from '../../storage/store-error.ts'

const of = (code: string, message: string) =>
  storeError('insert into calls', 'eastwatch_writer', new ClickHouseError({ code, message, type: 'X' }))

describe('errors of the store', () => {
  it('a right that is missing: the grant that gives it', () => {
    expect(
      of(
        '497',
        "eastwatch_writer: Not enough privileges. To execute this query, it's necessary to have the grant INSERT(end, batch) ON eastwatch.calls. ",
      ),
    ).toMatchObject({
      code: 'config',
      retriable: false,
      message: expect.stringContaining(
        'insert into calls: the user eastwatch_writer lacks a right: GRANT INSERT(end, batch) ON eastwatch.calls TO eastwatch_writer;',
      ),
    })
  })

  it.each(['192', '193', '194', '516'])('a log-in that is refused with code %s is not tried again', (code) => {
    expect(of(code, 'eastwatch_writer: Authentication failed')).toMatchObject({ code: 'config', retriable: false })
  })

  it.each(['202', '225', '242', '285', '319', '517', '999'])('code %s is tried again', (code) => {
    expect(of(code, 'not now')).toMatchObject({ code: 'store_unavailable', retriable: true })
  })

  it('what the store refuses for good is not', () => {
    expect(of('60', 'Table does not exist')).toMatchObject({ code: 'store_rejected', retriable: false })
  })

  it('several addresses that all failed are told by their code', () => {
    const cause = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })
    expect(storeError('query', 'u', cause)).toMatchObject({
      code: 'store_unavailable',
      message: 'query: the store does not answer: ECONNREFUSED',
    })
  })

  it('an expired certificate stops a start and is tried again later', () => {
    const cause = Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' })
    expect(storeError('query', 'u', cause)).toMatchObject({ code: 'config', retriable: true })
  })

  it('an answer that is not ClickHouse’s is cut to a readable length', () => {
    expect(storeError('query', 'u', new Error('<html>'.repeat(10_000))).message.length).toBeLessThan(3000)
  })
})
