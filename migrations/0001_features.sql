-- Up Migration
-- What the edge serves, what each feature has to achieve, and who changed it.
-- Lock order of every transaction that changes a feature: feature_flags by feature_id, then state_head.

-- One row. Taken last and held until commit, so revisions and audit hashes follow the order of commits
-- (a sequence would hand out numbers that commit in another order).
create table state_head (
  only_row boolean primary key default true check (only_row),
  revision bigint not null default 0,
  audit_hash bytea not null default '\x'
);
insert into state_head default values;

create table feature_flags (
  feature_id text primary key,
  enabled boolean not null,
  rollout_bps integer not null check (rollout_bps between 0 and 10000),
  holdout_bps integer not null check (holdout_bps between 0 and 10000),
  epoch integer not null default 1,
  epoch_started_at timestamptz not null default now(),
  -- counts the changes of this feature's state; expected by every write
  version integer not null default 1,
  -- the installation's revision at which this state was committed
  revision bigint not null,
  failure_mode text not null default 'static' check (failure_mode in ('static', 'closed')),
  targeting jsonb,
  routes jsonb not null default '[]',
  gate jsonb,
  activation jsonb,
  tags text[] not null default '{}',
  requires text[] not null default '{}',
  rollback_reason text,
  rolled_back_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (rollout_bps + holdout_bps <= 10000)
);
create index feature_flags_revision on feature_flags (revision);

-- Deleted features, so that an edge that was away learns of it.
create table feature_tombstones (
  feature_id text primary key,
  revision bigint not null,
  deleted_at timestamptz not null default now()
);

create table pmf_rules (
  feature_id text primary key references feature_flags on delete cascade,
  version integer not null default 1,
  rule jsonb not null,
  updated_at timestamptz not null default now()
);

create table rollback_audit (
  seq bigint primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  feature_id text not null,
  reason text not null,
  version integer not null,
  epoch integer not null,
  revision bigint not null,
  details jsonb not null default '{}',
  prev_hash bytea not null,
  hash bytea not null
);
create index rollback_audit_feature on rollback_audit (feature_id, seq);
