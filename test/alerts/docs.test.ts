import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { AlertsConfig } from '../../alerts/config.ts'
import { ReceiverConfig } from '../../alerts/notify/config.ts'
import { messageBody } from '../../alerts/notify/message.ts'
import { post } from '../../alerts/notify/post.ts'
import { SECRET, startReceiver } from './findings.ts'
import { CONSOLE, KEY, single } from './notify/notices.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/alerts.md'), 'utf8')

function sample(language: string): string {
  return new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page)?.[1] ?? ''
}

/** What the page says to put in the environment or into files. */
const GIVEN: Readonly<Record<string, string>> = {
  '${EASTWATCH_WEBHOOK_SECRET}': SECRET,
  'file:/run/secrets/heartbeat': SECRET,
  '${PAGERDUTY_ROUTING_KEY}': 'R0123456789abcdef0123456789ABCDE',
  '${SLACK_WEBHOOK_URL}': 'https://hooks.slack.com/services/T000/B000/x',
  'file:/run/secrets/alertmanager': 'password',
  '${TICKETS_TOKEN}': 'token',
  '${SIEM_TOKEN}': 'token',
}

/** Each whole example, with what it names. */
function configurations(): string[] {
  const blocks = [...page.matchAll(/```yaml\n(alerts:.*?)```/gs)].map(([, text]) => text!)
  return blocks.map((text) =>
    text.replace(/\$\{\w+\}|file:\S+/g, (name) => GIVEN[name] ?? `${name} is not given by the test`),
  )
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
    const notice = single('first')
    const { id } = notice.news[0].record
    const sent = messageBody(notice, CONSOLE).toString().replaceAll(notice.id, '<message id>')
    const named = sent.replaceAll(id, '<incident id>').replaceAll(KEY, '<group key>')
    expect(JSON.parse(sample('json'))).toEqual(JSON.parse(named))
  })

  it('its configurations are such, and there is one of every type of receiver', () => {
    const types = configurations().flatMap((text) =>
      AlertsConfig.parse(parse(text).alerts).receivers.map(({ type }) => type),
    )
    expect(new Set(types)).toEqual(new Set(ReceiverConfig.options.map((option) => option.shape.type.value)))
    expect(types[0]).toBe('webhook')
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
