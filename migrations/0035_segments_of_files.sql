-- Up Migration
-- Segments that configuration files own, as managed_features has it for features. A row of its own, so that an older origin
-- changes segments as before.
create table managed_segments (
  segment_id text primary key references segments (segment_id) on delete cascade,
  source text not null,
  file text not null,
  -- the segment as its file had it at the last apply: what differs since is drift
  applied jsonb not null,
  applied_at timestamptz not null
);
create index managed_segments_source on managed_segments (source);

-- Down Migration
drop table managed_segments;
