-- Up Migration
-- What the fold writes and the evaluation reads. Buckets are of exposure time; their width is agesOf(rule).bucketSeconds.

-- Units by outcome. signal 'exposure' has age_s 0; 'activation' and 'retention' count the units of the bucket whose
-- outcome came within age_s of their first exposure.
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

-- Requests by cohort and the time they came in. One row a writer: a sketch is owned by the fold partition that
-- writes it, and merged when read.
create table latency_sketches (
  feature_id text not null,
  epoch integer not null,
  cohort text not null check (cohort in ('treatment', 'holdout')),
  bucket_s bigint not null,
  partition smallint not null,
  requests integer not null,
  errors integer not null,
  -- exponential histogram, scale 5: see origin/aggregate/sketch.ts
  sketch bytea not null,
  primary key (feature_id, epoch, bucket_s, cohort, partition)
) with (fillfactor = 80);
