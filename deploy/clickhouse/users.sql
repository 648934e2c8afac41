-- The two users of Eastwatch on a ClickHouse server. Run it once, as a user who may manage access:
--
--   clickhouse-client --queries-file users.sql
--
-- First put the SHA-256 of each password in its place (printf %s "$PASSWORD" | sha256sum): as it stands, the file makes no user.
-- On a cluster write ON CLUSTER 'its name' behind each name of a user or a profile and behind GRANT, unless the servers share
-- their users (user_directories: replicated).

-- Writes what the pipeline stores (storage.username, storage.password).
CREATE USER IF NOT EXISTS eastwatch_writer IDENTIFIED WITH sha256_hash BY 'HASH OF THE PASSWORD OF eastwatch_writer';

-- Makes the database and the tables. Not needed for the database where you make it: CREATE DATABASE eastwatch ENGINE = Atomic.
GRANT CREATE DATABASE, CREATE TABLE ON eastwatch.* TO eastwatch_writer;
-- Stores, and looks for what it has stored.
GRANT SELECT, INSERT ON eastwatch.* TO eastwatch_writer;
-- storage.ttlDays, and storage.maxBytes: partitions are dropped by ALTER DELETE.
GRANT ALTER TTL, ALTER DELETE ON eastwatch.* TO eastwatch_writer;
-- Which tables there are, how large they are.
GRANT SELECT ON system.tables TO eastwatch_writer;
GRANT SELECT ON system.parts TO eastwatch_writer;
-- With storage.cluster only:
-- GRANT CLUSTER ON *.* TO eastwatch_writer;

-- Only reads: eastwatch query, eastwatch doctor and the console (storage.readerPassword), Grafana, people.
--
-- readonly = 2 and not 1, because Grafana and the client libraries send settings of their own; nothing may be raised past MAX, and
-- readonly itself cannot be changed from within. Table functions that reach files or other hosts need grants, which are not given.
CREATE SETTINGS PROFILE IF NOT EXISTS eastwatch_reader SETTINGS
    readonly = 2,
    max_execution_time = 30 MIN 1 MAX 30,
    timeout_overflow_mode = 'throw' CONST,
    max_memory_usage = 4000000000 MIN 1 MAX 4000000000,
    max_memory_usage_for_user = 8000000000 CONST,
    max_result_rows = 1000000 MIN 1 MAX 1000000,
    max_result_bytes = 67108864 MIN 1 MAX 67108864,
    result_overflow_mode = 'throw' CONST,
    max_concurrent_queries_for_user = 8 CONST,
    max_threads = 4 MIN 1 MAX 4,
    allow_introspection_functions = 0 CONST,
    cancel_http_readonly_queries_on_client_close = 1;

CREATE USER IF NOT EXISTS eastwatch_reader IDENTIFIED WITH sha256_hash BY 'HASH OF THE PASSWORD OF eastwatch_reader'
    SETTINGS PROFILE eastwatch_reader;

GRANT SELECT, SHOW ON eastwatch.* TO eastwatch_reader;
