import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { AlertsConfig } from '../../alerts/config.ts'
import { applyFinding } from '../../alerts/incident.ts'
import { messageBody } from '../../alerts/notify/message.ts'
import { post } from '../../alerts/notify/post.ts'
import { finding, SECRET, startReceiver } from './findings.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/alerts.md'), 'utf8')

function sample(language: string): string {
  return new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page)?.[1] ?? ''
}

type Verify = (headers: object, body: Buffer, secret: string, nowSeconds?: number) => boolean

async function sampleVerify(): Promise<Verify> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-docs-'))
  try {
    const file = join(folder, 'verify.mjs')
    writeFileSync(file, sample('js'))
    return ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as { verify: Verify }).verify
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('docs/alerts.md', () => {
  it('its message is what is sent', () => {
    const { record } = applyFinding(undefined, finding(10), 0)[0]!
    const group = { key: 'a'.repeat(32), labels: { cause: record.cause }, open: 1, others: 0 }
    const sent = messageBody({
      type: 'group',
      id: `${record.id}.1`,
      ...group,
      news: [{ reason: 'first', record }],
    }).toString()
    expect(JSON.parse(sample('json'))).toEqual(JSON.parse(sent.replaceAll(record.id, '<incident id>')))
  })

  it('its configuration is one', () => {
    const text = sample('yaml')
      .replace('${EASTWATCH_WEBHOOK_SECRET}', SECRET)
      .replace('file:/run/secrets/heartbeat', SECRET)
    expect(AlertsConfig.parse((parse(text) as { alerts: unknown }).alerts).receivers[0]?.name).toBe('oncall')
  })

  it('its code verifies what is sent, also while secrets change, and nothing else', async () => {
    const verify = await sampleVerify()
    const hook = await startReceiver()
    try {
      const other = `whsec_${Buffer.alloc(24, 9).toString('base64')}`
      const endpoint = { url: hook.url, secret: `${other} ${SECRET}`, allowRanges: ['127.0.0.0/8'], timeoutMs: 2_000 }
      const seconds = Math.floor(Date.now() / 1000)
      await post(endpoint, { id: 'm1', body: Buffer.from('{"text":"€"}'), seconds }, new AbortController().signal)
      const { headers, body } = hook.received[0]!
      const bytes = Buffer.from(body)
      expect(verify(headers, bytes, SECRET)).toBe(true)
      expect(verify(headers, bytes, other)).toBe(true)
      expect(verify(headers, bytes, `whsec_${Buffer.alloc(24, 1).toString('base64')}`)).toBe(false)
      expect(verify(headers, Buffer.from('{"text":"$"}'), SECRET)).toBe(false)
      expect(verify({ ...headers, 'webhook-id': 'm2' }, bytes, SECRET)).toBe(false)
      expect(verify(headers, bytes, SECRET, seconds + 301)).toBe(false)
      expect(verify({}, bytes, SECRET)).toBe(false)
    } finally {
      await hook.close()
    }
  })
})
