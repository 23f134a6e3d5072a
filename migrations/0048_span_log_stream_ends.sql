-- Up Migration
-- Where each stream of JetStream's log ended when a process that reads it last looked, so that one without SPAN_LOG_URL knows of
-- blocks that are left in it. Null: nobody has looked.
alter table span_log_streams
  add column last_seq bigint,
  add column looked_at timestamptz;
