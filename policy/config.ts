import { z } from 'zod'

const TrustDomain = z
  .string()
  .max(255)
  .regex(/^[a-z0-9._-]+$/, 'must be a trust domain: lower-case letters, digits, dots, dashes and underscores')

export const PolicyConfig = z.strictObject({
  folder: z
    .string()
    .min(1)
    .default('policy')
    .describe(
      'Folder of kubectl exports (*.json, *.yaml, *.yml) that declare workloads and policies; relative to dataFolder.',
    ),
  trustDomain: TrustDomain.default('cluster.local').describe('Trust domain of the mesh.'),
  trustDomainAliases: z
    .array(TrustDomain)
    .max(32)
    .default([])
    .describe('Other trust domains whose identities count as those of the mesh.'),
  rootNamespace: z
    .string()
    .min(1)
    .max(63)
    .default('istio-system')
    .describe('Namespace whose policies hold for the whole mesh.'),
})
export type PolicyConfig = z.output<typeof PolicyConfig>
