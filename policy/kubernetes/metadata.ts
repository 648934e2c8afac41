/** Fields that all objects have. Kubernetes writes an absent field as missing or as null; both are read alike. */
import { isIP } from 'node:net'
import { z } from 'zod'

export type Labels = Readonly<Record<string, string>>

export const Name = z.string().min(1).max(253)
export const LabelsField = z
  .record(z.string().max(317), z.string().max(65_536))
  .nullish()
  .transform((labels) => labels ?? {})
export const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? [])
export const Address = z
  .string()
  .transform((address) => address.toLowerCase())
  .refine((address) => isIP(address) !== 0, 'must be an IP address')
export const Port = z.number().int().min(1).max(65_535)

/** Metadata of an object that lives in a namespace; without one it is `default`, as for kubectl. */
export const Metadata = z.object({
  name: Name,
  namespace: Name.nullish().transform((namespace) => namespace ?? 'default'),
  labels: LabelsField,
  annotations: LabelsField,
  creationTimestamp: z
    .string()
    .nullish()
    .transform((time) => time ?? ''),
})

/** True where each label of `selector` is among `labels`. */
export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)
}
