-- Up Migration
-- What ingest left out because a bot sent it, for the explanation of decisions. Added up once a second by every ingest
-- process; what a crash loses of it was never part of the evidence.
create table bot_requests (
  feature_id text not null,
  epoch integer not null,
  requests bigint not null,
  primary key (feature_id, epoch)
) with (fillfactor = 50);
