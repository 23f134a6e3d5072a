-- Up Migration
-- The sample of spans on its way to a column store. Written in the fold's transaction, emptied by whoever sends it. Nobody writes it
-- while no column store is configured.
create table raw_span_spool (
  id bigint generated always as identity primary key,
  spans integer not null check (spans > 0),
  -- Lines of JSON, packed by gzip.
  lines bytea not null,
  written_at timestamptz not null default clock_timestamp(),
  -- Rows that are sent as one, and always again as the same one: by its name the column store knows what it has. null: not sent yet.
  batch uuid,
  due_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  last_error text,
  -- The column store cannot read it: kept for a person to look at.
  dead_at timestamptz
);
-- It is packed already.
alter table raw_span_spool alter column lines set storage external;
create index raw_span_spool_waiting on raw_span_spool (due_at, id) where dead_at is null;
create index raw_span_spool_batch on raw_span_spool (batch) where batch is not null;
