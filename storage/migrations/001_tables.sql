-- Single calls, as reported. Columns and their order are those of CALL_COLUMNS in core/call.ts, in snake case.
--
-- Partitions are hours, so that the size cap can drop the oldest calls without rewriting the rest. An hour comes from the call's
-- end, held within an hour of its receipt: else one hostile batch with a thousand different days would make a thousand parts.
-- `end` and `received` are both in the partition key, so a range of either skips the parts outside it.
--
-- `batch` names the insert that a row came in: a sink that restarts can see whether its last insert is in the store.
--
-- The sort key begins with `batch`, so that a merge puts one batch behind the other and does not weave them row by row: half of
-- the work. Within a batch a service's calls stand together; the index on `end` and the partition key narrow a range of time.
-- Calls are merged once: by twenty inserts or more at a time, and not again where that gives 50 MB or more. Codecs are the cheap
-- ones, except where ZSTD saves a byte a row. Figures: docs/decisions/012-cost-of-a-stored-call.md.
CREATE TABLE IF NOT EXISTS eastwatch.calls
(
    kind LowCardinality(String) CODEC(LZ4),
    reporter LowCardinality(String) CODEC(LZ4),
    reporter_pod LowCardinality(String) CODEC(LZ4),
    source_identity LowCardinality(String) CODEC(LZ4),
    source_identity_origin LowCardinality(String) CODEC(LZ4),
    source_service LowCardinality(String) CODEC(LZ4),
    source_service_origin LowCardinality(String) CODEC(LZ4),
    source_workload LowCardinality(String) CODEC(LZ4),
    source_workload_origin LowCardinality(String) CODEC(LZ4),
    source_namespace LowCardinality(String) CODEC(LZ4),
    source_cluster LowCardinality(String) CODEC(LZ4),
    source_address LowCardinality(String) CODEC(LZ4),
    source_port UInt16 CODEC(T64),
    source_address_identity LowCardinality(String) CODEC(LZ4),
    destination_identity LowCardinality(String) CODEC(LZ4),
    destination_identity_origin LowCardinality(String) CODEC(LZ4),
    destination_service LowCardinality(String) CODEC(LZ4),
    destination_service_origin LowCardinality(String) CODEC(LZ4),
    destination_workload LowCardinality(String) CODEC(LZ4),
    destination_workload_origin LowCardinality(String) CODEC(LZ4),
    destination_namespace LowCardinality(String) CODEC(LZ4),
    destination_cluster LowCardinality(String) CODEC(LZ4),
    destination_address LowCardinality(String) CODEC(LZ4),
    destination_port UInt16 CODEC(T64, LZ4),
    sni LowCardinality(String) CODEC(LZ4),
    authority LowCardinality(String) CODEC(LZ4),
    protocol LowCardinality(String) CODEC(LZ4),
    method LowCardinality(String) CODEC(LZ4),
    path String CODEC(ZSTD(1)),
    route LowCardinality(String) CODEC(LZ4),
    status UInt16 CODEC(T64, LZ4),
    grpc_status Int16 CODEC(T64, LZ4),
    outcome LowCardinality(String) CODEC(LZ4),
    denial_kind LowCardinality(String) CODEC(LZ4),
    denial_policy LowCardinality(String) CODEC(LZ4),
    denial_rule LowCardinality(String) CODEC(LZ4),
    tls_state LowCardinality(String) CODEC(LZ4),
    tls_version LowCardinality(String) CODEC(LZ4),
    tls_failure LowCardinality(String) CODEC(LZ4),
    tls_rejected_by LowCardinality(String) CODEC(LZ4),
    tls_peer_serial LowCardinality(String) CODEC(LZ4),
    tls_peer_issuer LowCardinality(String) CODEC(LZ4),
    tls_peer_not_after DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    tls_detail LowCardinality(String) CODEC(LZ4),
    decision LowCardinality(String) CODEC(LZ4),
    decision_reason LowCardinality(String) CODEC(LZ4),
    start DateTime64(6, 'UTC') CODEC(T64, LZ4),
    end DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    duration_us UInt64 CODEC(T64),
    duration_step_us UInt16 CODEC(T64, LZ4),
    bytes_received UInt64 CODEC(T64),
    bytes_sent UInt64 CODEC(T64),
    attempts UInt16 CODEC(T64, LZ4),
    weight UInt32 CODEC(T64, LZ4),
    request_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    response_flags LowCardinality(String) CODEC(LZ4),
    format LowCardinality(String) CODEC(LZ4),
    sender LowCardinality(String) CODEC(LZ4),
    trust LowCardinality(String) CODEC(LZ4),
    received DateTime64(6, 'UTC') CODEC(T64, LZ4),
    late Bool CODEC(LZ4),
    batch LowCardinality(String) CODEC(LZ4),
    INDEX end end TYPE minmax GRANULARITY 1,
    INDEX trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX request_id request_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toStartOfHour(least(greatest(end, received - toIntervalHour(1)), received + toIntervalHour(1)))
ORDER BY (batch, destination_service, source_identity, end)
TTL toDateTime(end) + toIntervalDay(3)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, auto_statistics_types = '',
    enable_vertical_merge_algorithm = 0, min_bytes_for_wide_part = 134217728,
    min_parts_to_merge_at_once = 20, max_bytes_to_merge_at_max_space_in_pool = 1073741824,
    merge_selector_base = 16, merge_selector_blurry_base_scale_factor = 50;

-- Ten seconds of one pair. Requests are counted once: as the reporter in `reporter` has them. What unverified senders report is in
-- rows of its own (`trust`).
CREATE TABLE IF NOT EXISTS eastwatch.windows
(
    start DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    end DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    trust LowCardinality(String) CODEC(ZSTD(1)),
    source_identity LowCardinality(String) CODEC(ZSTD(1)),
    source_workload LowCardinality(String) CODEC(ZSTD(1)),
    source_namespace LowCardinality(String) CODEC(ZSTD(1)),
    source_address LowCardinality(String) CODEC(ZSTD(1)),
    source_known_by LowCardinality(String) CODEC(ZSTD(1)),
    destination_service LowCardinality(String) CODEC(ZSTD(1)),
    destination_namespace LowCardinality(String) CODEC(ZSTD(1)),
    destination_identities Array(LowCardinality(String)) CODEC(ZSTD(1)),
    reporter LowCardinality(String) CODEC(ZSTD(1)),
    requests UInt64 CODEC(T64, ZSTD(1)),
    ok UInt64 CODEC(T64, ZSTD(1)),
    client_errors UInt64 CODEC(T64, ZSTD(1)),
    server_errors UInt64 CODEC(T64, ZSTD(1)),
    denied UInt64 CODEC(T64, ZSTD(1)),
    tls_failures UInt64 CODEC(T64, ZSTD(1)),
    connect_failures UInt64 CODEC(T64, ZSTD(1)),
    handshakes UInt64 CODEC(T64, ZSTD(1)),
    plaintext UInt64 CODEC(T64, ZSTD(1)),
    bytes_received UInt64 CODEC(T64, ZSTD(1)),
    bytes_sent UInt64 CODEC(T64, ZSTD(1)),
    duration_us UInt64 CODEC(T64, ZSTD(1)),
    source_samples UInt32 CODEC(T64, ZSTD(1)),
    source_p50_us UInt64 CODEC(T64, ZSTD(1)),
    source_p95_us UInt64 CODEC(T64, ZSTD(1)),
    destination_samples UInt32 CODEC(T64, ZSTD(1)),
    destination_p50_us UInt64 CODEC(T64, ZSTD(1)),
    destination_p95_us UInt64 CODEC(T64, ZSTD(1)),
    gap_samples UInt32 CODEC(T64, ZSTD(1)),
    gap_p10_us Int64 CODEC(T64, ZSTD(1)),
    gap_p50_us Int64 CODEC(T64, ZSTD(1)),
    gap_p95_us Int64 CODEC(T64, ZSTD(1)),
    `denials.reporter` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `denials.kind` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `denials.policy` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `denials.rule` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `denials.count` Array(UInt64) CODEC(ZSTD(1)),
    `tls.reporter` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `tls.failure` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `tls.rejected_by` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `tls.count` Array(UInt64) CODEC(ZSTD(1)),
    incomplete Bool CODEC(ZSTD(1)),
    batch LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(end)
ORDER BY (destination_service, source_identity, source_workload, end)
TTL end + toIntervalDay(90)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;

-- Use of paths (pair, method, route template), summed over about a minute of log time a row. Sum and group to read it.
CREATE TABLE IF NOT EXISTS eastwatch.paths
(
    end DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    trust LowCardinality(String) CODEC(ZSTD(1)),
    source_identity LowCardinality(String) CODEC(ZSTD(1)),
    source_workload LowCardinality(String) CODEC(ZSTD(1)),
    source_namespace LowCardinality(String) CODEC(ZSTD(1)),
    source_address LowCardinality(String) CODEC(ZSTD(1)),
    destination_service LowCardinality(String) CODEC(ZSTD(1)),
    method LowCardinality(String) CODEC(ZSTD(1)),
    route LowCardinality(String) CODEC(ZSTD(1)),
    requests UInt64 CODEC(T64, ZSTD(1)),
    denied UInt64 CODEC(T64, ZSTD(1)),
    not_found UInt64 CODEC(T64, ZSTD(1)),
    allowed UInt64 CODEC(T64, ZSTD(1)),
    forbidden UInt64 CODEC(T64, ZSTD(1)),
    forbidden_ok UInt64 CODEC(T64, ZSTD(1)),
    reason LowCardinality(String) CODEC(ZSTD(1)),
    first DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    last DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    batch LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(end)
ORDER BY (destination_service, source_identity, source_workload, method, route, end)
TTL end + toIntervalDay(90)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;

-- What detectors said. `evidence` is the whole evidence as JSON; what is asked often has a column of its own.
CREATE TABLE IF NOT EXISTS eastwatch.findings
(
    id String CODEC(ZSTD(1)),
    detector LowCardinality(String),
    kind LowCardinality(String),
    severity LowCardinality(String),
    source_identity LowCardinality(String),
    source_workload LowCardinality(String),
    source_namespace LowCardinality(String),
    source_address LowCardinality(String),
    destination_identity LowCardinality(String),
    destination_service LowCardinality(String),
    operation LowCardinality(String),
    fingerprint String CODEC(ZSTD(1)),
    cause LowCardinality(String),
    window_start DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    window_end DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    summary String CODEC(ZSTD(1)),
    technique LowCardinality(String),
    observed Float64 CODEC(ZSTD(1)),
    expected Float64 CODEC(ZSTD(1)),
    unit LowCardinality(String),
    p Nullable(Float64) CODEC(ZSTD(1)),
    detectable Nullable(Float64) CODEC(ZSTD(1)),
    baseline_samples UInt64 CODEC(T64, ZSTD(1)),
    first_seen DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    last_seen DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    verdict LowCardinality(String),
    blind LowCardinality(String),
    sql String CODEC(ZSTD(1)),
    evidence String CODEC(ZSTD(1)),
    batch LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(window_end)
ORDER BY (detector, window_end, id)
TTL toDateTime(window_end) + toIntervalDay(400)
SETTINGS non_replicated_deduplication_window = 1000;

-- Every change of an incident; the newest version of an id stands: read it with FINAL.
CREATE TABLE IF NOT EXISTS eastwatch.incidents
(
    id String CODEC(ZSTD(1)),
    version UInt64,
    fingerprint String CODEC(ZSTD(1)),
    status LowCardinality(String),
    detector LowCardinality(String),
    kinds Array(LowCardinality(String)),
    severity LowCardinality(String),
    cause LowCardinality(String),
    summary String CODEC(ZSTD(1)),
    source_identity LowCardinality(String),
    source_workload LowCardinality(String),
    source_namespace LowCardinality(String),
    destination_service LowCardinality(String),
    operation LowCardinality(String),
    verdict LowCardinality(String),
    opened_at DateTime64(6, 'UTC'),
    updated_at DateTime64(6, 'UTC'),
    resolved_at DateTime64(6, 'UTC'),
    reopened UInt32,
    findings UInt64,
    last_finding_id String CODEC(ZSTD(1)),
    evidence String CODEC(ZSTD(1)),
    batch LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(opened_at)
ORDER BY id
TTL toDateTime(opened_at) + toIntervalDay(400)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS eastwatch.notifications
(
    id String CODEC(ZSTD(1)),
    incident_id String CODEC(ZSTD(1)),
    incident_version UInt64,
    receiver LowCardinality(String),
    reason LowCardinality(String),
    status LowCardinality(String),
    attempt UInt32,
    at DateTime64(6, 'UTC'),
    detail String CODEC(ZSTD(1)),
    batch LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, id)
TTL toDateTime(at) + toIntervalDay(400)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS eastwatch.audit
(
    id String CODEC(ZSTD(1)),
    at DateTime64(6, 'UTC'),
    actor LowCardinality(String),
    action LowCardinality(String),
    subject String CODEC(ZSTD(1)),
    detail String CODEC(ZSTD(1)),
    batch LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, id)
TTL toDateTime(at) + toIntervalDay(400)
SETTINGS non_replicated_deduplication_window = 1000;

-- Records that could not be read. A record is its place in its delivery: a repeat replaces itself.
CREATE TABLE IF NOT EXISTS eastwatch.rejected
(
    received DateTime64(6, 'UTC'),
    sender LowCardinality(String),
    trust LowCardinality(String),
    signal LowCardinality(String),
    delivery String CODEC(ZSTD(1)),
    position UInt32,
    reason LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    sample String CODEC(ZSTD(1)),
    batch LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(received)
ORDER BY (reason, sender, delivery, position)
TTL toDateTime(received) + toIntervalDay(14)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;

-- How far each sink has stored its partition of the bus.
CREATE TABLE IF NOT EXISTS eastwatch.offsets
(
    sink LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    next UInt64
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (sink, topic, partition);

-- Spans, in the schema of the OpenTelemetry Collector's ClickHouse exporter, for tools that expect it.
CREATE TABLE IF NOT EXISTS eastwatch.otel_traces
(
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(T64, ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    `Events.Timestamp` Array(DateTime64(9)) CODEC(ZSTD(1)),
    `Events.Name` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `Events.Attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    `Links.TraceId` Array(String) CODEC(ZSTD(1)),
    `Links.SpanId` Array(String) CODEC(ZSTD(1)),
    `Links.TraceState` Array(String) CODEC(ZSTD(1)),
    `Links.Attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)
TTL toDateTime(Timestamp) + toIntervalDay(3)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;
