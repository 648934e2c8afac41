/** What a stage publishes: findings by incident, and ticks that forward its watermark to every partition it feeds. */
import type { Publication } from '../../core/bus/bus.ts'
import { partitionOf, TOPIC } from '../../core/bus/topics.ts'
import { encodeTick } from '../../core/tick.ts'
import { encodeFinding, type Finding } from '../detector.ts'

export function findingRecords(findings: readonly Finding[], partitions: number): Publication[] {
  return findings.map((finding) => ({
    topic: TOPIC.findings,
    partition: partitionOf(finding.fingerprint, partitions),
    value: encodeFinding(finding),
  }))
}

export function tickRecords(
  tick: { producer: string; seq: number; time: number },
  targets: readonly { topic: string; partitions: number }[],
): Publication[] {
  const value = encodeTick({ ...tick, leave: false })
  return targets.flatMap(({ topic, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition, value })),
  )
}
