/**
 * Channel `file`: the message of message.ts as one line of JSON, appended and synced. The file is opened for each message, so that logrotate
 * may move it away at any time. Never follows a link in the file's place, and writes to nothing but a regular file.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, sep } from 'node:path'
import { messageOf, PipelineError } from '../../core/errors.ts'
import type { Channel, ChannelContext } from './channel.ts'
import type { FileConfig } from './file-config.ts'
import { messageBody } from './message.ts'

// Without O_NONBLOCK the opening of a named pipe would wait for its reader.
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
const OWNER_ALONE = 0o600
const NEWLINE = 10

export function createFile({ path }: FileConfig, { consoleUrl, dataFolder }: ChannelContext): Channel {
  let before: Promise<unknown> = Promise.resolve()
  return {
    send(notice, _seconds, signal) {
      const line = `${messageBody(notice, consoleUrl)}\n`
      const write = async () => {
        signal.throwIfAborted()
        try {
          await append(await placeOf(path, dataFolder), line)
        } catch (cause) {
          const why = `${path} cannot be written: ${explained(cause)}`
          throw new PipelineError('delivery_failed', why, { retriable: true, cause })
        }
      }
      // One after the other: a line is looked at before the next is begun.
      const written = before.then(write, write)
      before = written
      return written
    },
  }
}

/** The folder as it really is: one within the data folder must not lead out of it by a link. */
async function placeOf(path: string, dataFolder: string): Promise<string> {
  if (isAbsolute(path)) return path
  const root = await realpath(dataFolder)
  const folder = await realpath(dirname(join(dataFolder, path)))
  if (folder !== root && !folder.startsWith(root + sep)) throw new Error('a link leads out of the data folder')
  return join(folder, basename(path))
}

async function append(path: string, line: string): Promise<void> {
  const file = await open(path, FLAGS, OWNER_ALONE)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error('it is no regular file')
    // What a full disk or a power cut left of a line stays a line of its own.
    const text = stat.size === 0 || (await endsLine(file, stat.size)) ? line : `\n${line}`
    await file.writeFile(text)
    await file.sync()
    if (stat.size === 0) await syncFolder(dirname(path))
  } finally {
    await file.close()
  }
}

async function endsLine(file: FileHandle, size: number): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return bytesRead === 0 || buffer[0] === NEWLINE
}

/** Else a power cut could take the new file's name, and with it what was synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function explained(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ELOOP') return 'a link stands in its place, which is not followed'
  if (code === 'ENOENT') return 'its folder is not there'
  if (code === 'EISDIR') return 'it is a folder'
  return messageOf(error)
}
