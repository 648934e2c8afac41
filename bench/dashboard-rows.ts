/** What belongs to stored calls in the other tables, made of them in the store: the benchmark of the dashboards runs no detectors. */

/** Of the calls that ended in [from, to), epoch seconds. */
export function windowsOf(from: number, to: number): string {
  return `INSERT INTO eastwatch.windows (start, end, trust, source_identity, source_known_by, destination_service, destination_identities,
    reporter, requests, ok, server_errors, denied, bytes_received, bytes_sent, duration_us, source_samples, source_p50_us, source_p95_us,
    destination_samples, destination_p50_us, destination_p95_us, gap_samples, gap_p10_us, gap_p50_us, gap_p95_us,
    \`denials.reporter\`, \`denials.kind\`, \`denials.policy\`, \`denials.rule\`, \`denials.count\`,
    \`tls.reporter\`, \`tls.failure\`, \`tls.rejected_by\`, \`tls.count\`)
  SELECT toStartOfInterval(toDateTime(calls.end, 'UTC'), INTERVAL 10 SECOND) AS w, w + 10, trust, source_identity, 'certificate',
    destination_service, [any(destination_identity)], 'destination', countIf(reporter = 'destination') AS n,
    countIf(reporter = 'destination' AND outcome = 'ok'), countIf(reporter = 'destination' AND outcome = 'server_error'),
    countIf(reporter = 'destination' AND outcome = 'denied') AS d, sumIf(bytes_received, reporter = 'destination'),
    sumIf(bytes_sent, reporter = 'destination'), sumIf(calls.duration_us, reporter = 'destination'), countIf(reporter = 'source'),
    toUInt64(quantileIf(0.5)(calls.duration_us, reporter = 'source')), toUInt64(quantileIf(0.95)(calls.duration_us, reporter = 'source')),
    n, toUInt64(quantileIf(0.5)(calls.duration_us, reporter = 'destination')),
    toUInt64(quantileIf(0.95)(calls.duration_us, reporter = 'destination')), n, 380, 400, 430,
    if(d = 0, [], ['destination']), if(d = 0, [], ['rbac']), if(d = 0, [], [maxIf(denial_policy, outcome = 'denied')]),
    if(d = 0, [], ['0']), if(d = 0, [], [d]),
    if(countIf(outcome = 'tls_failure') = 0, [], ['destination', 'source']), if(countIf(outcome = 'tls_failure') = 0, [], ['unknown_ca', 'unknown_ca']),
    if(countIf(outcome = 'tls_failure') = 0, [], ['destination', 'destination']),
    if(countIf(outcome = 'tls_failure') = 0, [], [intDiv(countIf(outcome = 'tls_failure'), 2), intDiv(countIf(outcome = 'tls_failure'), 2)])
  FROM eastwatch.calls
  WHERE calls.end >= toDateTime64(${from}, 6, 'UTC') AND calls.end < toDateTime64(${to}, 6, 'UTC')
  GROUP BY w, trust, source_identity, destination_service`
}

export function pathsOf(from: number, to: number): string {
  return `INSERT INTO eastwatch.paths (end, trust, source_identity, destination_service, method, route, requests, denied, allowed, forbidden_ok,
    reason, first, last)
  SELECT toStartOfMinute(toDateTime(calls.end, 'UTC')) + 60 AS w, trust, source_identity, destination_service, method, route, count(),
    countIf(outcome = 'denied'), countIf(decision = 'allowed'), countIf(outcome = 'ok' AND cityHash64(request_id) % 10000 = 0), '',
    min(calls.end), max(calls.end)
  FROM eastwatch.calls
  WHERE calls.end >= toDateTime64(${from}, 6, 'UTC') AND calls.end < toDateTime64(${to}, 6, 'UTC') AND reporter = 'destination'
  GROUP BY w, trust, source_identity, destination_service, method, route`
}

/** Findings, incidents, attempts to notify and rejected records of the day before `end`, as many as a bad day has. */
export function besides(end: number): string[] {
  const at = (count: number) =>
    `fromUnixTimestamp64Micro(toInt64((${end} - 86400 + number * 86400 / ${count}) * 1000000), 'UTC')`
  const severity = "['critical', 'high', 'warning', 'info', 'info'][1 + number % 5]"
  const names =
    "concat('spiffe://cluster.local/ns/shop/sa/client-', toString(number % 20)), concat('server-', toString(number % 10), '.shop')"
  return [
    `INSERT INTO eastwatch.findings (id, detector, kind, severity, source_identity, destination_service, fingerprint, window_start, window_end, summary)
      SELECT toString(number), ['denial_spike', 'tls_failure', 'new_path', 'latency_shift'][1 + number % 4], 'kind', ${severity}, ${names},
        toString(number % 500), ${at(20_000)} - 10, ${at(20_000)}, 'what a detector says of a pair, with its figures' FROM numbers(20000)`,
    `INSERT INTO eastwatch.incidents (id, version, fingerprint, status, detector, kinds, severity, source_identity, destination_service, summary,
        opened_at, updated_at, resolved_at, findings)
      SELECT toString(intDiv(number, 10)), 1 + number % 10, toString(intDiv(number, 10)), if(intDiv(number, 10) % 10 = 0, 'open', 'resolved'),
        ['denial_spike', 'tls_failure', 'new_path', 'latency_shift'][1 + intDiv(number, 10) % 4], ['kind'],
        ['critical', 'high', 'warning', 'info', 'info'][1 + intDiv(number, 10) % 5], ${names.replaceAll('number', 'intDiv(number, 10)')},
        'what a detector says of a pair, with its figures', ${at(20_000).replaceAll('number', 'intDiv(number, 10) * 10')},
        ${at(20_000).replaceAll('number', 'intDiv(number, 10) * 10')} + number % 10 * 60,
        ${at(20_000).replaceAll('number', 'intDiv(number, 10) * 10')} + 900, 1 + number % 10 FROM numbers(20000)`,
    `INSERT INTO eastwatch.notifications (id, incident_id, receiver, reason, status, attempt, at, detail)
      SELECT toString(number), toString(number % 2000), 'pager', 'first', if(number % 20 = 0, 'failed', 'sent'), 1, ${at(10_000)}, '' FROM numbers(10000)`,
    `INSERT INTO eastwatch.rejected (received, sender, trust, signal, delivery, position, reason, detail)
      SELECT ${at(50_000)}, concat('10.0.0.', toString(number % 50)), 'verified', 'logs', toString(intDiv(number, 100)), number % 100,
        ['no_proxy', 'too_long', 'ambiguous'][1 + number % 3], 'what was wrong with it' FROM numbers(50000)`,
  ]
}
