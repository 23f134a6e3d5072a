-- Up Migration
-- The streams of JetStream's log that were read, and the number by which checkpoints name each (fold_checkpoints.writer). A stream
-- that was made anew has another number, and so has one that has lost blocks and uses their sequence numbers again.
create table span_log_streams (
  partition smallint not null,
  -- its name, and when it was made
  stream text not null,
  -- how often it has lost blocks
  losses integer not null default 0,
  -- blocks up to this one were folded under the number before
  begins_after bigint not null default 0,
  writer integer not null unique default nextval('telemetry_writer'),
  seen_at timestamptz not null default clock_timestamp(),
  primary key (partition, stream, losses)
);
