-- Up Migration
-- The way of telemetry: log (acknowledged) → fold → units, counts, sketches (checkpointed in the same transaction).

-- A number for every process that appends to the log, new at each start: a writer's sequence numbers never clash.
create sequence telemetry_writer as integer;

-- Acknowledged telemetry, as compact blocks (origin/span-log/record.ts). Each (writer, partition) is a stream whose
-- seq rises in commit order. Hourly partitions are made ahead and dropped by the service.
create table span_log (
  at timestamptz not null default clock_timestamp(),
  writer integer not null,
  partition smallint not null,
  seq bigint not null,
  records integer not null,
  -- 8 bytes a record: hash of (trace id, span id); apart from the block so that a restart reads only these
  span_keys bytea not null,
  block bytea not null,
  primary key (writer, partition, seq, at)
) partition by range (at);
-- Blocks hold random ids: compression would only cost time.
alter table span_log alter column span_keys set storage external, alter column block set storage external;

-- One owner at a time (advisory lock). The fence is raised by each new owner and checked in each of its transactions.
create table fold_partitions (
  partition smallint primary key,
  fence bigint not null default 0
);
insert into fold_partitions (partition) select generate_series(0, 3);

create table fold_checkpoints (
  partition smallint not null,
  writer integer not null,
  seq bigint not null,
  primary key (partition, writer)
) with (fillfactor = 50);

-- The windows that a feature's counts were made with. `fold_windows_version` is held for share by every fold and for
-- update by whoever changes windows and recounts.
create table fold_windows (
  feature_id text not null,
  epoch integer not null,
  activation_ages_s integer[] not null,
  retention_ages_s integer[] not null,
  return_after_s integer not null,
  bucket_s integer not null,
  primary key (feature_id, epoch)
);
create table fold_windows_version (
  only_row boolean primary key default true check (only_row),
  version bigint not null default 0
);
insert into fold_windows_version default values;

-- What is known of each exposed unit, per feature and epoch.
create table feature_units (
  -- 64-bit hash of (feature, epoch, unit)
  unit_key bigint primary key,
  feature_id text not null,
  epoch integer not null,
  unit_id text not null,
  -- 0 treatment (assumed: no span named the variant), 1 treatment, 2 holdout
  cohort smallint not null,
  first_exposed_at timestamptz not null,
  first_action_at timestamptz,
  returned_at timestamptz
) with (fillfactor = 90);
create index feature_units_feature on feature_units (feature_id, epoch);

create view feature_exposures as
select feature_id, epoch, unit_id as user_id,
  case cohort when 2 then 'holdout' else 'treatment' end as cohort, first_exposed_at as exposed_at
from feature_units;

create view user_actions as
select feature_id, epoch, unit_id as user_id, true as action_taken, first_action_at as acted_at
from feature_units where first_action_at is not null;

create view user_retention as
select feature_id, epoch, unit_id as user_id, returned_at is not null as returned, returned_at,
  coalesce(returned_at <= first_exposed_at + interval '7 days', false) as returned_within_7d
from feature_units;

-- Units by outcome. Buckets are of exposure time; their width is agesOf(rule).bucketSeconds. Signal 'exposure' has
-- age_s 0; 'activation' and 'retention' count the units of the bucket whose outcome came within age_s of their first
-- exposure.
create table outcome_counts (
  feature_id text not null,
  epoch integer not null,
  cohort text not null check (cohort in ('treatment', 'holdout')),
  signal text not null check (signal in ('exposure', 'activation', 'retention')),
  age_s integer not null,
  -- unix seconds at which the bucket begins
  bucket_s bigint not null,
  units integer not null,
  primary key (feature_id, epoch, bucket_s, cohort, signal, age_s)
) with (fillfactor = 80);

-- Requests by cohort and the time they came in. A sketch is owned by the fold process that holds `partition`, and
-- merged when read.
create table latency_sketches (
  feature_id text not null,
  epoch integer not null,
  cohort text not null check (cohort in ('treatment', 'holdout')),
  bucket_s bigint not null,
  partition smallint not null,
  requests integer not null,
  errors integer not null,
  -- exponential histogram, scale 5: see shared/telemetry/latency-sketch.ts
  sketch bytea not null,
  primary key (feature_id, epoch, bucket_s, cohort, partition)
) with (fillfactor = 80);

-- A sample of the spans that carry a feature, with all failed and slow ones. Monthly partitions are made ahead and
-- dropped by the service.
create table otel_spans (
  "timestamp" timestamptz not null,
  trace_id bytea not null,
  span_id bytea not null,
  feature_id text not null,
  epoch integer not null,
  user_id text not null,
  cohort text,
  name text not null,
  duration_ms double precision,
  failed boolean not null,
  http_status smallint,
  action_taken boolean not null,
  primary key ("timestamp", trace_id, span_id)
) partition by range ("timestamp");
create index otel_spans_feature on otel_spans (feature_id, "timestamp");
