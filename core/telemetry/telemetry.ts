/**
 * Eastwatch's own metrics and traces, by the OpenTelemetry SDK: Prometheus text at /metrics, and OTLP out where configured.
 * Components use the `@opentelemetry/api` meters and know nothing of this file.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { type metrics, NodeSDK, resources } from '@opentelemetry/sdk-node'
import type { TelemetryConfig } from './config.ts'

export interface Telemetry {
  /** Answers a request for /metrics. */
  metrics(request: IncomingMessage, response: ServerResponse): void
  stop(): Promise<void>
}

export function startTelemetry(config: TelemetryConfig, version: string): Telemetry {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({ 'service.name': 'eastwatch', 'service.version': version }),
    autoDetectResources: false,
    instrumentations: [],
    metricReaders: [exporter as unknown as metrics.MetricReader],
    logRecordProcessors: [],
    ...(config.traces ? {} : { spanProcessors: [] }),
  })
  sdk.start()
  return {
    metrics: (request, response) => exporter.getMetricsRequestHandler(request, response),
    stop: () => sdk.shutdown(),
  }
}
