/** Settings of the detectors. Each detector's own section lies beside it. */
import { z } from 'zod'
import { DenialScanConfig } from './denial-scan.ts'
import { DenialSpikeConfig } from './denial-spike.ts'
import { LatencyShiftConfig } from './latency-shift.ts'
import { NewPathConfig } from './new-path.ts'
import { TelemetryStoppedConfig } from './telemetry-stopped.ts'
import { TlsFailureConfig } from './tls-failure.ts'

export const DetectorsConfig = z.strictObject({
  latenessSeconds: z
    .number()
    .int()
    .min(1)
    .max(600)
    .default(10)
    .describe('How long a window stays open after its end, for records that come late.'),
  falseIncidentsPerDay: z
    .number()
    .positive()
    .default(10)
    .describe('False incidents a day that are acceptable over all keys; sets how improbable an observation must be.'),
  expectedKeys: z
    .number()
    .int()
    .positive()
    .default(100_000)
    .describe('Number of pairs the false incidents are spread over.'),
  maxPairsPerDestination: z
    .number()
    .int()
    .min(10)
    .default(2000)
    .describe('Callers of one destination that are watched one by one; further ones are watched together.'),
  maxPairsPerPartition: z
    .number()
    .int()
    .min(1000)
    .default(200_000)
    .describe('Pairs remembered in one partition; past it the least established and longest idle are forgotten.'),
  denialSpike: DenialSpikeConfig.prefault({}),
  denialScan: DenialScanConfig.prefault({}),
  tlsFailure: TlsFailureConfig.prefault({}),
  newPath: NewPathConfig.prefault({}),
  latencyShift: LatencyShiftConfig.prefault({}),
  telemetryStopped: TelemetryStoppedConfig.prefault({}),
})
export type DetectorsConfig = z.infer<typeof DetectorsConfig>
