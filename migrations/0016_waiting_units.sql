-- Up Migration
-- Spans of units that have no exposure yet. A request or an activation changes no count until its exposure is there, and a crash
-- must not lose what waits. Rows belong to the owner of `partition`, as those of unit_evidence do.
create table waiting_units (
  -- 64-bit hash of (feature, epoch, unit)
  unit_key bigint primary key,
  partition smallint not null,
  feature_id text not null,
  epoch integer not null,
  -- when the log took the last of them
  arrived_at timestamptz not null,
  -- [[start in ms, duration in µs, flags, network], …]; flags as in the log (origin/span-log/record.ts)
  spans jsonb not null
) with (fillfactor = 70);
create index waiting_units_partition on waiting_units (partition, arrived_at);

-- What was taken and not counted, by reason: shown beside a feature's signals, never part of its evidence.
create table uncounted_signals (
  feature_id text not null,
  epoch integer not null,
  reason text not null,
  spans bigint not null,
  primary key (feature_id, epoch, reason)
) with (fillfactor = 50);
