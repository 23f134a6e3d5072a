-- The sample of spans in ClickHouse, once for each database: clickhouse-client --database sluice < otel_spans.sql
-- The origin's user needs INSERT on it, and SELECT and ALTER DELETE where units are forgotten. Columns are those of otel_spans in PostgreSQL; identifiers are hex.
create table if not exists otel_spans (
  timestamp DateTime64(3, 'UTC'),
  trace_id FixedString(32),
  span_id FixedString(16),
  feature_id LowCardinality(String),
  epoch UInt32,
  user_id String,
  cohort LowCardinality(Nullable(String)),
  name LowCardinality(String),
  duration_ms Nullable(Float64),
  failed Bool,
  http_status Nullable(UInt16),
  action_taken Bool
)
-- A span that its sender sent twice is one row once its parts are merged, and with FINAL before that.
engine = ReplacingMergeTree
partition by toYYYYMM(timestamp)
order by (feature_id, timestamp, trace_id, span_id)
ttl toDateTime(timestamp) + interval 62 day delete
-- A batch that is sent again after a crash is known by its name and not stored twice. A replicated table knows that by itself.
settings non_replicated_deduplication_window = 1000
