import { describe, expect, it } from 'vitest'
import { judge, type Opened, passed } from '../../demo/judge.ts'

const right: Opened[] = [
  opened('denial_spike', 'rate', 'frontend', 'auth.shop', 'shop/deny-admin'),
  opened('denial_spike', 'scan', 'ads', '', ''),
  opened('tls_failure', 'impostor', '', 'payment.shop', 'unknown_ca'),
  opened('tls_failure', 'expired', 'shipping', 'catalog.shop', 'expired'),
  opened('new_path', 'outside_graph', 'email', 'ledger.shop', ''),
  opened('tls_failure', 'stolen_identity', 'checkout', 'payment.shop', ''),
  opened('latency_shift', 'added_delay', 'frontend', 'cart.shop', ''),
]

function opened(detector: string, kind: string, source: string, destinationService: string, verdict: string): Opened {
  const sourceIdentity = source === '' ? '' : `cluster.local/ns/shop/sa/${source}`
  const names = { sourceIdentity, sourceWorkload: '', destinationService, verdict }
  return { id: `${detector}/${kind}`, detector, kinds: [kind], severity: 'high', summary: '', findings: 1, ...names }
}

describe('the judgement of the demo', () => {
  it('is passed where each attack has its own incident and nothing else opened', () => {
    expect(passed(judge(right))).toBe(true)
  })

  it.each(right.map((incident) => incident.id))('fails without %s', (id) => {
    expect(passed(judge(right.filter((incident) => incident.id !== id)))).toBe(false)
  })

  it('fails on one more incident above info, and ignores info', () => {
    const more = opened('new_path', 'first_seen', 'ads', 'auth.shop', '')
    expect(passed(judge([...right, more]))).toBe(false)
    expect(passed(judge([...right, { ...more, severity: 'info' }]))).toBe(true)
  })

  it('one incident cannot stand for two attacks', () => {
    const wrong = right.map((incident) => (incident.id === 'tls_failure/stolen_identity' ? right[2]! : incident))
    expect(passed(judge(wrong))).toBe(false)
  })

  it('a wrong kind, key or verdict is not the attack found', () => {
    for (const change of [{ kinds: ['x'] }, { destinationService: 'ads.shop' }, { verdict: 'other' }]) {
      expect(passed(judge([{ ...right[0]!, ...change }, ...right.slice(1)]))).toBe(false)
    }
  })
})
