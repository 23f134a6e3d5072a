-- Up Migration
-- When each region sent telemetry last. A region that was sending and falls silent while others go on is cut off: what its people
-- did is still on its way, and they must not be taken for failures.
create table telemetry_regions (
  -- cloud.region of the sender's resource
  region text primary key,
  seen_at timestamptz not null,
  -- seconds between two times at which it was seen, smoothed
  usual_gap_s double precision not null default 30,
  -- the last time in which it was cut off
  away_from timestamptz,
  away_until timestamptz,
  -- spans that its edges say they dropped, or saw refused
  dropped_spans bigint not null default 0
) with (fillfactor = 50);
