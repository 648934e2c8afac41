import { TOPIC } from '../../core/bus/topics.ts'
import { countOnce, decodeWindows, OUTCOMES, type PairWindow, type Quantiles } from '../../detectors/window.ts'
import { RowGatherer, secondsOf, type TableRow } from '../rows.ts'
import type { SinkSpec } from '../sink.ts'

export const windowsSink: SinkSpec = {
  name: 'windows',
  topic: TOPIC.windows,
  gatherer: () =>
    new RowGatherer({
      tables: { windows: { column: 'end', by: 'day' } },
      rows: (value) => decodeWindows(value)?.windows.map(windowRow),
    }),
}

export function windowRow(window: PairWindow): TableRow {
  const counted = countOnce(window)
  const outcome = (name: (typeof OUTCOMES)[number]) => counted.outcomes[OUTCOMES.indexOf(name)]!
  // Bytes and times from whoever was counted, so that they belong to the requests.
  const tally = window.tallies.find((t) => t.reporter === counted.reporter)
  const { source, destination, gap } = window.latency
  return {
    table: 'windows',
    at: window.end,
    values: {
      start: secondsOf(window.start),
      end: secondsOf(window.end),
      trust: window.trust,
      source_identity: window.pair.sourceIdentity,
      source_workload: window.pair.sourceWorkload,
      source_namespace: window.pair.sourceNamespace,
      source_address: window.pair.sourceAddress,
      source_known_by: window.sourceKnownBy,
      destination_service: window.pair.destinationService,
      destination_namespace: window.destinationNamespace,
      destination_identities: window.destinationIdentities,
      reporter: counted.reporter,
      requests: counted.requests,
      ok: outcome('ok'),
      client_errors: outcome('client_error'),
      server_errors: outcome('server_error'),
      denied: outcome('denied'),
      tls_failures: outcome('tls_failure'),
      connect_failures: outcome('connect_failure'),
      handshakes: counted.handshakes,
      plaintext: tally?.plaintext ?? 0,
      bytes_received: tally?.bytesReceived ?? 0,
      bytes_sent: tally?.bytesSent ?? 0,
      duration_us: tally?.durationUs ?? 0,
      ...latency('source', source),
      ...latency('destination', destination),
      gap_samples: gap?.samples ?? 0,
      gap_p10_us: round(gap?.q10),
      gap_p50_us: round(gap?.q50),
      gap_p95_us: round(gap?.q95),
      'denials.reporter': window.denials.map((d) => d.reporter),
      'denials.kind': window.denials.map((d) => d.kind),
      'denials.policy': window.denials.map((d) => d.policy),
      'denials.rule': window.denials.map((d) => d.rule),
      'denials.count': window.denials.map((d) => d.count),
      'tls.reporter': window.tls.map((t) => t.reporter),
      'tls.failure': window.tls.map((t) => t.failure),
      'tls.rejected_by': window.tls.map((t) => t.rejectedBy),
      'tls.count': window.tls.map((t) => t.count),
      incomplete: window.incomplete,
    },
  }
}

function latency(end: 'source' | 'destination', quantiles: Quantiles | null): Record<string, number> {
  return {
    [`${end}_samples`]: quantiles?.samples ?? 0,
    [`${end}_p50_us`]: Math.max(0, round(quantiles?.q50)),
    [`${end}_p95_us`]: Math.max(0, round(quantiles?.q95)),
  }
}

const round = (value: number | undefined) => Math.round(value ?? 0)
