/** What names a pair (docs/decisions/020-pair-key.md), as the console asks for one and is told of it. */
import { z } from 'zod'

const Name = z.string().max(1_000)

export const PairKey = z.object({
  sourceIdentity: Name,
  sourceNamespace: Name,
  sourceWorkload: Name,
  sourceAddress: Name,
  destinationService: Name,
})
export type PairKey = z.output<typeof PairKey>

export const PAIR_COLUMNS = 'source_identity, source_namespace, source_workload, source_address, destination_service'

export const IS_PAIR = `source_identity = {sourceIdentity:String} AND source_namespace = {sourceNamespace:String}
  AND source_workload = {sourceWorkload:String} AND source_address = {sourceAddress:String}
  AND destination_service = {destinationService:String}`

const NAMESPACES = [
  'source_namespace',
  "extract(source_identity, '/ns/([^/]+)/sa/')",
  "extract(destination_service, '^[^.]+[.]([^.]+)$')",
]

/** Pairs that somebody may see who is limited to `{namespaces}`: those with an end in one of them. */
export const IS_VISIBLE_PAIR = `(empty({namespaces:Array(String)})
  OR hasAny({namespaces:Array(String)}, [${NAMESPACES.map((one) => `toString(${one})`).join(', ')}]))`
