/** All benchmarks there are, by name. */
import { benchBus } from './bus.ts'
import { benchConsole } from './console.ts'
import { benchCpuShares } from './cpu-shares.ts'
import { benchDashboards } from './dashboards.ts'
import { benchDetectors } from './detectors.ts'
import { benchEverythingOn } from './everything-on.ts'
import { benchGzipBombs } from './gzip-bombs.ts'
import { benchKafkaPipeline } from './kafka-pipeline.ts'
import { benchKafkaRestore } from './kafka-restore.ts'
import { benchKafkaToClickHouse } from './kafka-to-clickhouse.ts'
import { benchOtlpFromKafka } from './otlp-from-kafka.ts'
import { benchOtlpToBus } from './otlp-to-bus.ts'
import { benchOtlpToKafka } from './otlp-to-kafka.ts'
import { benchReader } from './reader.ts'
import type { Benchmark } from './row.ts'
import { benchStorage } from './storage.ts'

export const BENCHMARKS: Record<string, Benchmark> = {
  reader: benchReader,
  bus: benchBus,
  detectors: benchDetectors,
  storage: benchStorage,
  dashboards: benchDashboards,
  'otlp-to-bus': benchOtlpToBus,
  'otlp-from-kafka': benchOtlpFromKafka,
  'gzip-bombs': benchGzipBombs,
  'everything-on': benchEverythingOn,
  'cpu-shares': benchCpuShares,
  console: benchConsole,
  'otlp-to-kafka': benchOtlpToKafka,
  'kafka-to-clickhouse': benchKafkaToClickHouse,
  'kafka-restore': benchKafkaRestore,
  'kafka-pipeline': benchKafkaPipeline,
}
