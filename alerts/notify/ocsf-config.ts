import { z } from 'zod'
import { postedFields, refuseUnusable } from './posted.ts'
import { receiverFields } from './receiver.ts'

export const OcsfConfig = z
  .strictObject({
    ...receiverFields,
    type: z.literal('ocsf').describe('How it is told: Detection Findings of the Open Cybersecurity Schema Framework.'),
    ...postedFields,
  })
  .superRefine(refuseUnusable)
export type OcsfConfig = z.output<typeof OcsfConfig>
