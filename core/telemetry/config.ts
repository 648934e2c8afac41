import { z } from 'zod'

export const TelemetryConfig = z.strictObject({
  address: z
    .string()
    .default('127.0.0.1:9464')
    .describe('Where /metrics, /healthz and /readyz answer, as host:port. Port 0 takes a free one.'),
  traces: z
    .boolean()
    .default(false)
    .describe(
      "Send Eastwatch's own traces and metrics over OTLP. Where to: the OpenTelemetry variables (OTEL_EXPORTER_OTLP_ENDPOINT ...). Never point them at Eastwatch itself.",
    ),
})
export type TelemetryConfig = z.output<typeof TelemetryConfig>
