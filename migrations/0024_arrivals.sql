-- Up Migration
-- Which units came, hour by hour: by this an hour is found that was not as usual. Beside the counts, never part of the evidence.
create table arrivals (
  feature_id text not null,
  epoch integer not null,
  -- unix seconds at which the hour begins
  hour_s bigint not null,
  -- units that were first exposed in it and are counted, of all cohorts
  units bigint not null,
  -- of these: those that sent anything again
  seen_again bigint not null,
  -- of these: those of the network that had most of them
  largest_network bigint not null,
  primary key (feature_id, epoch, hour_s)
) with (fillfactor = 50);
