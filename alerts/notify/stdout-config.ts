import { z } from 'zod'
import { receiverFields } from './receiver.ts'

export const StdoutConfig = z.strictObject({
  ...receiverFields,
  type: z.literal('stdout').describe('How it is told: a line of JSON on standard output.'),
})
export type StdoutConfig = z.output<typeof StdoutConfig>
