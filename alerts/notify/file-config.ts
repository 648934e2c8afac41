import { isAbsolute, normalize } from 'node:path'
import { z } from 'zod'
import { receiverFields } from './receiver.ts'

export const FileConfig = z.strictObject({
  ...receiverFields,
  type: z.literal('file').describe('How it is told: a line of JSON is appended to a file.'),
  path: z
    .string()
    .min(1)
    .max(4_096)
    .refine((path) => !path.includes('\0') && !path.endsWith('/'), { message: 'names no file' })
    .refine((path) => isAbsolute(path) || !normalize(path).startsWith('..'), {
      message: 'leads out of the data folder; give an absolute path for another place',
    })
    .describe('Where to: absolute, or within the data folder. Its folder must be there. Readable by its owner alone.'),
})
export type FileConfig = z.output<typeof FileConfig>
