import { describe, expect, it } from 'vitest'
import { StorageConfig } from '../../storage/config.ts'
import { selfSigned } from './server.ts'

const problems = (keys: object) =>
  (StorageConfig.safeParse(keys).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`)

describe('storage.url', () => {
  it('is free to be absent, and takes https anywhere and http to this machine', () => {
    expect(problems({})).toEqual([])
    expect(problems({ url: 'https://clickhouse.example:8443', password: 'p', readerPassword: 'r' })).toEqual([])
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      expect(problems({ url: `http://${host}:8123`, password: 'p', readerPassword: 'r' })).toEqual([])
    }
  })

  it('takes no password over a network in the clear', () => {
    const clear = ['url: would send a password over the network in the clear: use https']
    expect(problems({ url: 'http://clickhouse:8123', password: 'p' })).toEqual(clear)
    expect(problems({ url: 'http://clickhouse:8123', readerPassword: 'r' })).toEqual(clear)
    expect(problems({ url: 'http://127.0.0.1.example:8123', password: 'p' })).toEqual(clear)
    expect(problems({ url: 'http://clickhouse:8123' })).toEqual([])
  })

  it.each(['clickhouse:8443', 'tcp://c:9000', 'https://c/eastwatch', 'https://c?user=a', 'https://c#x', ''])(
    'refuses %j',
    (url) => {
      expect(problems({ url })).toEqual([expect.stringMatching(/^url: must be http/)])
    },
  )

  it('holds no password, and the message does not either', () => {
    const [problem] = problems({ url: 'https://me:hush@c:8443' })
    expect(problem).toContain('storage.password')
    expect(problem).not.toContain('hush')
  })
})

describe('keys of a server', () => {
  it('are errors without storage.url: they would change nothing', () => {
    expect(problems({ password: 'p', cluster: 'main', tls: {} }).map((problem) => problem.split(':')[0])).toEqual([
      'password',
      'tls',
      'cluster',
    ])
  })

  it('name a cluster plainly', () => {
    expect(problems({ url: 'https://c', cluster: 'eastwatch-prod_1' })).toEqual([])
    for (const cluster of ["main' SYNC; --", '', '{cluster}', '1st', 'a'.repeat(65)]) {
      expect(problems({ url: 'https://c', cluster })).toEqual([expect.stringMatching(/^cluster: must be a plain name/)])
    }
  })

  it('hold certificates that can be read, a pair that belongs together, and no TLS for http', () => {
    const [one, other] = [selfSigned(), selfSigned()]
    const url = 'https://c'
    expect(problems({ url, tls: { ca: other.certificate, ...one } })).toEqual([])
    expect(problems({ url, tls: { ca: 'none' } })).toEqual([expect.stringMatching(/^tls\.ca: /)])
    expect(problems({ url, tls: { key: one.key } })).toEqual(['tls: needs certificate and key together, or neither'])
    expect(problems({ url, tls: { ...one, key: other.key } })).toEqual([
      expect.stringMatching(/^tls\.key: is not the key/),
    ])
    expect(problems({ url: 'http://localhost', tls: {} })).toEqual(['tls: needs an https storage.url'])
  })
})
