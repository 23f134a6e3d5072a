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
  -- the whole decision document: counts, evidence, bars, reason
  decision jsonb not null
);
create index pmf_evaluations_feature on pmf_evaluations (feature_id, id desc);
