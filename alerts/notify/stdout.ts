/** Channel `stdout`: the message of message.ts as one line of JSON, without any character that a terminal would act on. */
import type { Writable } from 'node:stream'
import { messageOf, PipelineError } from '../../core/errors.ts'
import type { Channel, ChannelContext } from './channel.ts'
import { messageBody } from './message.ts'

export function createStdout({ consoleUrl }: ChannelContext, output: Writable = process.stdout): Channel {
  // Whoever reads it may go away: each write tells, and the program goes on.
  output.on('error', () => {})
  return {
    send: (notice, _seconds, signal) =>
      new Promise((resolve, reject) => {
        // A reader that stands still must not keep the program from ending.
        const stop = () => reject(signal.reason)
        if (signal.aborted) return stop()
        signal.addEventListener('abort', stop, { once: true })
        output.write(`${messageBody(notice, consoleUrl)}\n`, (error) => {
          signal.removeEventListener('abort', stop)
          if (error == null) return resolve()
          const why = `standard output cannot be written: ${messageOf(error)}`
          reject(new PipelineError('delivery_failed', why, { retriable: true, cause: error }))
        })
      }),
  }
}
