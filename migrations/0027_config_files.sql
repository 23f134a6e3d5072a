-- Up Migration
-- Features that configuration files own. A feature's row of its own, so that an older origin, which does not know of files,
-- changes features as before.
create table managed_features (
  feature_id text primary key references feature_flags (feature_id) on delete cascade,
  -- names the set of files, such as a repository
  source text not null,
  file text not null,
  -- the feature as its file had it at the last apply: what differs since is drift
  applied jsonb not null,
  applied_at timestamptz not null
);
create index managed_features_source on managed_features (source);

-- Plans that were applied: a plan that is sent again, because its answer was lost, has no second effect.
create table config_applies (
  plan_hash text primary key,
  source text not null,
  actor text not null,
  -- of the commit; null: no feature was to be changed
  revision bigint,
  at timestamptz not null,
  features jsonb not null
);

-- Down Migration
drop table config_applies;
drop table managed_features;
