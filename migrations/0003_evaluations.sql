-- Up Migration
-- What was decided, when, and on what evidence.

create table pmf_evaluations (
  id bigint generated always as identity primary key,
  feature_id text not null,
  epoch integer not null,
  rule_version integer not null,
  at timestamptz not null,
  mode text not null,
  action text not null check (action in ('KEEP', 'ROLLBACK', 'WAIT')),
  state text not null,
  -- units and requests counted; another row is worth keeping when it has grown
  mature bigint not null,
  -- the whole decision document: counts, evidence, bars, reason
  decision jsonb not null
);
create index pmf_evaluations_feature on pmf_evaluations (feature_id, id desc);

-- The running trial of each feature's epoch: the evidence so far and up to where. Evidence and cursors are one row
-- with a sequence number, so an evaluation that crashed or lost a race has counted nothing.
create table pmf_trials (
  feature_id text not null,
  epoch integer not null,
  -- the parts of the rule that the evidence is about; other terms start another trial
  terms text not null,
  seq integer not null,
  -- null | 'KEEP' | 'ROLLBACK', with the signals that caused it
  decided text check (decided in ('KEEP', 'ROLLBACK')),
  cause text[] not null default '{}',
  evidence jsonb not null,
  -- α of all trials of the epoch that could really roll back: a month's error budget is their sum
  alpha_spent double precision not null default 0,
  started_at timestamptz not null default now(),
  -- all latencies of the trial, as shared/telemetry/latency-sketch.ts stores them
  treatment_sketch bytea not null,
  holdout_sketch bytea not null,
  updated_at timestamptz not null default now(),
  primary key (feature_id, epoch)
) with (fillfactor = 50);

-- Where each feature stands on its ramp, and whether a person has paused it.
create table pmf_ramps (
  feature_id text primary key references feature_flags on delete cascade,
  rollout_bps integer not null,
  since timestamptz not null,
  paused boolean not null default false
);
