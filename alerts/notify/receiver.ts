/** Configuration that receivers of every channel share. */
import { z } from 'zod'
import { SEVERITIES } from '../../detectors/detector.ts'

export const receiverFields = {
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'a name is 1 to 64 letters, digits, _ or -')
    .describe('Name in logs and in the notifications table. Renaming it forgets what it was told.'),
  minSeverity: z
    .enum(SEVERITIES)
    .default('warning')
    .describe('Least severity of an incident that this receiver is told of.'),
}
