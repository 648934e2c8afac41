import { z } from 'zod'
import { type Labels, LabelsField, Metadata, Name } from './metadata.ts'

export interface DeclaredNamespace {
  name: string
  labels: Labels
}

export const NamespaceObject = z
  .object({ metadata: z.object({ name: Name, labels: LabelsField }) })
  .transform(({ metadata }): DeclaredNamespace => metadata)

export const ServiceAccountObject = z
  .object({ metadata: Metadata })
  .transform(({ metadata: { namespace, name } }) => ({ namespace, name }))
