import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createStdout } from '../../../alerts/notify/stdout.ts'
import { HOSTILE, hostileNotice } from './hostile.ts'
import { AROUND, many, NOW, single } from './notices.ts'

const forever = new AbortController().signal

class Printed extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

describe('standard output', () => {
  it('gets a line of JSON for each message', async () => {
    const output = new Printed()
    const to = createStdout(AROUND, output)
    await to.send(single('first'), NOW, forever)
    await to.send(many(2), NOW, forever)
    const lines = output.text.split('\n')
    expect(lines.slice(0, 2).map((line) => JSON.parse(line).type)).toEqual(['eastwatch.incident', 'eastwatch.group'])
    expect(lines[2]).toBe('')
  })

  it('gets nothing that a terminal would act on, and all that was said', async () => {
    for (const text of HOSTILE) {
      const output = new Printed()
      await createStdout(AROUND, output).send(hostileNotice([text], 1), NOW, forever)
      const printed = output.text
      expect(printed.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
      expect(JSON.parse(printed).summary).toBe(text)
    }
  })

  it('that is gone is tried again, and does not end the program', async () => {
    const gone = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
    await expect(createStdout(AROUND, gone).send(single('first'), NOW, forever)).rejects.toMatchObject({
      code: 'delivery_failed',
      retriable: true,
      message: 'standard output cannot be written: EPIPE',
    })
  })

  it('that nobody reads holds nothing up when the program stops', async () => {
    const stuck = new Writable({ write: () => {} })
    const stopping = new AbortController()
    const sent = createStdout(AROUND, stuck).send(single('first'), NOW, stopping.signal)
    stopping.abort(new Error('stopped'))
    await expect(sent).rejects.toThrow('stopped')
  })
})
