import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Secret, signedHeaders } from '../../../alerts/notify/signature.ts'

describe('signature', () => {
  it('is that of the Standard Webhooks specification', () => {
    // The example that the scheme's reference libraries test themselves with.
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
    const body = Buffer.from('{"test": 2432232314}')
    const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
    const expected = createHmac('sha256', key).update(`${id}.1614265330.${body}`).digest('base64')
    expect(expected).toBe('g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
    expect(signedHeaders('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', id, 1614265330, body)).toEqual({
      'webhook-id': id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': `v1,${expected}`,
    })
  })

  it('several secrets give several signatures', () => {
    const [a, b] = [1, 2].map((byte) => `whsec_${Buffer.alloc(24, byte).toString('base64')}`)
    const both = signedHeaders(`${a} ${b}`, 'id', 1, Buffer.from('{}'))['webhook-signature']
    const each = [a, b].map((secret) => signedHeaders(secret!, 'id', 1, Buffer.from('{}'))['webhook-signature'])
    expect(both).toBe(each.join(' '))
    expect(each[0]).not.toBe(each[1])
  })

  it.each(['', '   ', 'plain', 'whsec_', 'whsec_c2hvcnQ=', `whsec_${'A'.repeat(200)}`, `whsec_${'!'.repeat(44)}`])(
    '%j is no secret',
    (text) => expect(Secret.safeParse(text).success).toBe(false),
  )

  it('what is wrong with a secret is said without the secret', () => {
    const result = Secret.safeParse('whsec_TOPSECRET')
    expect(JSON.stringify(result.error)).not.toContain('TOPSECRET')
  })
})
