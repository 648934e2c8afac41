import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FIELD, FIELDS, type Field } from '../../../collector/otlp/log-record.ts'
import { fillFromLine, MAX_LINE_LENGTH } from '../../../collector/sources/istio-text.ts'
import { read, readCall } from './records.ts'

const NOTHING = FIELDS.map(() => '')

/** The parts of a line, in its order, named as in Envoy's format string. */
const PLAIN = {
  start: '2026-01-01T00:00:00.123Z',
  method: 'GET',
  path: '/items/42?q=1',
  protocol: 'HTTP/1.1',
  code: '200',
  flags: '-',
  details: 'via_upstream',
  termination: '-',
  failure: '-',
  received: '0',
  sent: '27',
  duration: '12',
  serviceTime: '11',
  forwardedFor: '-',
  userAgent: 'curl/8.5.0',
  requestId: '96722bbf-cc4e-49e3-a649-8e4870011998',
  authority: 'cart.shop:8080',
  upstreamHost: '10.0.0.21:8080',
  cluster: 'inbound|8080||',
  upstreamLocal: '127.0.0.6:39999',
  downstreamLocal: '10.0.0.21:8080',
  downstreamRemote: '10.0.0.11:35964',
  sni: 'outbound_.8080_._.cart.shop.svc.cluster.local',
  route: 'default',
}
type Parts = typeof PLAIN

function write(p: Parts): string {
  return (
    `[${p.start}] "${p.method} ${p.path} ${p.protocol}" ${p.code} ${p.flags} ${p.details} ${p.termination} "${p.failure}" ` +
    `${p.received} ${p.sent} ${p.duration} ${p.serviceTime} "${p.forwardedFor}" "${p.userAgent}" "${p.requestId}" ` +
    `"${p.authority}" "${p.upstreamHost}" ${p.cluster} ${p.upstreamLocal} ${p.downstreamLocal} ${p.downstreamRemote} ` +
    `${p.sni} ${p.route}`
  )
}

const READ: [Field, keyof Parts][] = [
  ['startTime', 'start'],
  ['method', 'method'],
  ['path', 'path'],
  ['protocol', 'protocol'],
  ['responseCode', 'code'],
  ['responseFlags', 'flags'],
  ['responseCodeDetails', 'details'],
  ['connectionTerminationDetails', 'termination'],
  ['upstreamTransportFailureReason', 'failure'],
  ['bytesReceived', 'received'],
  ['bytesSent', 'sent'],
  ['duration', 'duration'],
  ['upstreamHost', 'upstreamHost'],
  ['upstreamCluster', 'cluster'],
  ['upstreamLocalAddress', 'upstreamLocal'],
  ['downstreamLocalAddress', 'downstreamLocal'],
  ['downstreamRemoteAddress', 'downstreamRemote'],
  ['requestedServerName', 'sni'],
  ['routeName', 'route'],
]
const HEADERS: [Field, keyof Parts][] = [
  ['requestId', 'requestId'],
  ['authority', 'authority'],
]

const unlessMissing = (text: string): string => (text === '-' ? '' : text)

/** Pieces of the line itself: what a stranger would put into a header to move a field. */
const imitation = fc.constantFrom(
  '"',
  ' ',
  '" "',
  ' HTTP/1.1" 200 - via_upstream ',
  ' -" 0 - - ',
  '" 1 2 3 4 "',
  ' - "-" 0 0 1 - "',
  '" "10.9.9.9:1" outbound|1||evil.shop.svc.cluster.local 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 sni route',
  '" "h" c a b d ',
  '"x" "y" "z" "evil.shop" "10.9.9.9:1" c a b d s r',
  '-',
  'evil',
)
const hostile = fc
  .array(fc.oneof(imitation, fc.string({ maxLength: 12 })), { maxLength: 6 })
  .map((pieces) => pieces.join('').replaceAll(/[\r\n]/g, '') || '-')
const spaceless = hostile.map((text) => text.replaceAll(/\s/g, '') || '-')

describe("Istio's default text line", () => {
  it('gives every field of an ordinary line', () => {
    const result = fillFromLine(NOTHING, write(PLAIN))
    if ('reason' in result) throw new Error(result.reason)
    for (const [field, part] of [...READ, ...HEADERS]) {
      expect(result.values[FIELD[field]]).toBe(unlessMissing(PLAIN[part]))
    }
  })

  it('is read as the call it tells of', () => {
    const call = readCall({}, { timeUs: 0, text: `${write(PLAIN)}\n` })
    expect(call).toMatchObject({
      format: 'istio-text',
      reporter: 'destination',
      destinationService: 'cart.shop',
      method: 'GET',
      path: '/items/42',
      route: '/items/{id}',
      status: 200,
      sourceAddress: '10.0.0.11',
      destinationAddress: '10.0.0.21',
      destinationPort: 8080,
      start: 1_767_225_600_123_000,
      durationUs: 12_000,
      durationStepUs: 1000,
      // The format tells nothing of TLS: no version must not be taken for plaintext.
      tlsState: 'unknown',
    })
  })

  it('keeps spaces in the termination details out of the next field', () => {
    const result = fillFromLine(NOTHING, write({ ...PLAIN, termination: 'delayed connect error: 111', failure: 'a b' }))
    if ('reason' in result) throw new Error(result.reason)
    expect(result.values[FIELD.connectionTerminationDetails]).toBe('delayed connect error: 111')
    expect(result.values[FIELD.upstreamTransportFailureReason]).toBe('a b')
  })

  it('tells plaintext to a strict port', () => {
    const line =
      '[2026-01-01T00:00:00.000Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.0.0.21:8080 10.0.0.2:5 - -'
    expect(readCall({ serviceName: 'cart', k8sNamespace: 'shop' }, { text: line })).toMatchObject({
      kind: 'connection',
      outcome: 'tls_failure',
      tlsFailure: 'plaintext_to_strict',
      destinationService: 'cart.shop',
      sourceAddress: '10.0.0.2',
    })
  })

  it('still tells who called whom and how it ended where a User-Agent holds a quote', () => {
    const result = fillFromLine(NOTHING, write({ ...PLAIN, userAgent: 'a" "b', code: '403' }))
    if ('reason' in result) throw new Error(result.reason)
    expect(result.values[FIELD.responseCode]).toBe('403')
    expect(result.values[FIELD.downstreamRemoteAddress]).toBe('10.0.0.11:35964')
    expect(result.values[FIELD.authority]).toBe('')
  })

  it('is never read wrongly, whatever strangers put into their fields', () => {
    const lines = fc.record({
      path: hostile,
      forwardedFor: hostile,
      userAgent: hostile,
      requestId: hostile,
      authority: hostile,
      sni: hostile,
      failure: hostile,
      route: hostile,
      cluster: spaceless,
      method: spaceless,
    })
    let accepted = 0
    const attack = fc.property(lines, fc.subarray(Object.keys(PLAIN) as (keyof Parts)[]), (bad, used) => {
      const parts: Parts = { ...PLAIN }
      for (const key of used) if (key in bad) parts[key] = bad[key as keyof typeof bad]
      parts.cluster = parts.cluster.replaceAll('"', '') || '-'
      const result = fillFromLine(NOTHING, write(parts))
      if ('reason' in result) return
      accepted += 1
      for (const [field, part] of READ) {
        const truth = field === 'connectionTerminationDetails' ? parts[part].trim() : parts[part]
        expect([field, result.values[FIELD[field]]]).toEqual([field, unlessMissing(truth)])
      }
      for (const [field, part] of HEADERS)
        expect(['', unlessMissing(parts[part])]).toContain(result.values[FIELD[field]])
    })
    fc.assert(attack, { numRuns: 3000 })
    expect(accepted).toBeGreaterThan(300)
  })

  it('is rejected as ambiguous where a header imitates the end of the line', () => {
    const userAgent = 'x" "i" "evil.shop" "10.9.9.9:1" outbound|1||evil 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 s r'
    expect(read({}, { text: write({ ...PLAIN, userAgent }) })).toMatchObject({ reason: 'text_line_ambiguous' })
  })

  it('is not looked for in other texts', () => {
    for (const text of ['started', '[2026-01-01T00:00:00Z] "hello"', `${write(PLAIN)}${'x'.repeat(MAX_LINE_LENGTH)}`]) {
      expect(read({}, { text })).toMatchObject({ reason: 'not_an_access_log' })
    }
  })

  it('is outranked by attributes', () => {
    const call = readCall({ downstreamPeerUriSan: 'spiffe://a/ns/b/sa/c', path: '/other' }, { text: write(PLAIN) })
    expect([call.sourceIdentity, call.path, call.status]).toEqual(['a/ns/b/sa/c', '/other', 200])
  })
})
