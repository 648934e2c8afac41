-- What people do about incidents: who acknowledged, silences, what was accepted as normal.
ALTER TABLE eastwatch.incidents
    ADD COLUMN IF NOT EXISTS destination_namespace LowCardinality(String) AFTER destination_service,
    ADD COLUMN IF NOT EXISTS sources Array(LowCardinality(String)) AFTER destination_namespace,
    ADD COLUMN IF NOT EXISTS destinations Array(LowCardinality(String)) AFTER sources,
    ADD COLUMN IF NOT EXISTS acknowledged_by LowCardinality(String) AFTER resolved_at,
    ADD COLUMN IF NOT EXISTS acknowledged_at DateTime64(6, 'UTC') AFTER acknowledged_by,
    ADD COLUMN IF NOT EXISTS silenced_by String AFTER acknowledged_at,
    ADD COLUMN IF NOT EXISTS silenced_until DateTime64(6, 'UTC') AFTER silenced_by,
    ADD COLUMN IF NOT EXISTS resolved_by LowCardinality(String) AFTER silenced_until,
    ADD COLUMN IF NOT EXISTS accepted_until DateTime64(6, 'UTC') AFTER resolved_by,
    ADD COLUMN IF NOT EXISTS state LowCardinality(String) ALIAS multiIf(status = 'resolved', 'resolved', silenced_by != '', 'silenced', acknowledged_by != '', 'acknowledged', 'open');

-- Every change of a silence; the newest version of an id stands: read it with FINAL.
CREATE TABLE IF NOT EXISTS eastwatch.silences
(
    id String CODEC(ZSTD(1)),
    version UInt64,
    matchers Array(String) CODEC(ZSTD(1)),
    starts_at DateTime64(6, 'UTC'),
    ends_at DateTime64(6, 'UTC'),
    created_at DateTime64(6, 'UTC'),
    created_by LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    namespaces Array(LowCardinality(String)),
    by_admin Bool,
    ended_by LowCardinality(String),
    batch LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(created_at)
ORDER BY id
TTL toDateTime(created_at) + toIntervalDay(400)
SETTINGS non_replicated_deduplication_window = 1000;
