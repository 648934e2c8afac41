/** What the telemetry of the last hours lets each detector see: what `eastwatch doctor` and the console tell. */
import { type Coverage, coverageOf } from '../../detectors/coverage.ts'
import type { StoreReader } from '../query.ts'
import { coverageSql, type RejectedFacts, rejectedSql, type ServiceFacts } from './coverage.ts'

export type Examined = ServiceFacts & { detectors: Coverage[] }

export interface Examination {
  services: Examined[]
  rejected: RejectedFacts[]
}

export async function examine(reader: Pick<StoreReader, 'rows'>, hours: number): Promise<Examination> {
  const facts = await reader.rows<ServiceFacts>(coverageSql(hours))
  const rejected = await reader.rows<RejectedFacts>(rejectedSql(hours))
  return { services: facts.map((service) => ({ ...service, detectors: coverageOf(service) })), rejected }
}
