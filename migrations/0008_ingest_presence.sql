-- Up Migration
-- Whether somebody takes telemetry, and when last nobody did: spans of that time come late, and until then nothing is known
-- of them. Null before the first process that takes telemetry.
create table ingest_presence (
  seen_at timestamptz,
  away_from timestamptz,
  away_until timestamptz
) with (fillfactor = 50);
insert into ingest_presence default values;
