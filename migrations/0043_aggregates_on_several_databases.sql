-- Up Migration
-- Aggregates on several databases: a partition lives in one of them, the others hold nothing of it. Every database has the same
-- schema. The main one says where each partition lives; the tables of aggregates are used where they live.

-- What this database is. `name` is null until an origin that knows several databases has opened it.
create table aggregate_database (
  only_row boolean primary key default true check (only_row),
  name text,
  -- of the main database; the others have that of theirs, so that none of another Sluice is taken for one
  installation text not null default gen_random_uuid()::text,
  -- whether outcome counts and arrivals are kept by partition, in the tables below
  by_partition boolean not null default false
);
insert into aggregate_database default values;

-- In the main database: where each partition lives. `moves` rises with each move, so its sum tells two states apart.
create table partition_places (
  partition smallint primary key,
  database text not null default 'main',
  moves bigint not null default 0,
  since timestamptz not null default clock_timestamp()
);
insert into partition_places (partition) select partition from fold_partitions;

-- In the database that a partition has left. From this row on it lives in the other one, whatever partition_places still says.
create table moved_partitions (
  partition smallint primary key,
  to_database text not null,
  fence bigint not null,
  at timestamptz not null default clock_timestamp()
);

-- In the database that a partition moves to: runs of units that have arrived whole, so that a move that was interrupted goes on.
create table arrived_runs (
  partition smallint not null,
  from_database text not null,
  from_run integer not null,
  run integer not null,
  primary key (partition, from_database, from_run)
);

-- outcome_counts, arrivals and uncounted_signals, by partition. In tables of their own, because an origin of the version before
-- names the columns of the old keys. The keys begin alike, so that a range of buckets is one probe. In the second and the third a
-- process writes under the lowest of its partitions, as it does in latency_sketches.
create table outcome_counts_by_partition (
  feature_id text not null,
  epoch integer not null,
  cohort text not null check (cohort in ('treatment', 'holdout')),
  signal text not null check (signal in ('exposure', 'activation', 'retention')),
  age_s integer not null,
  bucket_s bigint not null,
  partition smallint not null,
  units integer not null,
  primary key (feature_id, epoch, bucket_s, cohort, signal, age_s, partition)
) with (fillfactor = 80);
create table arrivals_by_partition (
  feature_id text not null,
  epoch integer not null,
  hour_s bigint not null,
  partition smallint not null,
  units bigint not null,
  seen_again bigint not null,
  largest_network bigint not null,
  primary key (feature_id, epoch, hour_s, partition)
) with (fillfactor = 50);
create table uncounted_by_partition (
  feature_id text not null,
  epoch integer not null,
  reason text not null,
  partition smallint not null,
  spans bigint not null,
  primary key (feature_id, epoch, reason, partition)
) with (fillfactor = 50);

-- A fold of the version before would count into the old table, which nobody reads any more: it fails instead, and says why.
create function refuse_counts_of_all_partitions() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  if (select by_partition from aggregate_database) then
    raise exception 'this database keeps its counts by partition: an origin of an older version cannot fold here, update it';
  end if;
  return null;
end;
$$;
create trigger counts_of_all_partitions before insert or update on outcome_counts
  for each statement execute function refuse_counts_of_all_partitions();
