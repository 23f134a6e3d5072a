-- Up Migration
-- When each feature was evaluated last. pmf_evaluations gets a row only when something has changed.
create table pmf_looks (
  feature_id text primary key references feature_flags on delete cascade,
  looked_at timestamptz not null
) with (fillfactor = 50);
