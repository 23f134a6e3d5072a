-- Up Migration
-- Requests are told apart by kind, and those that never ended are counted. `requests` are all: finished, failed (`errors`)
-- and unfinished ones. `sketch` holds the durations of finished requests alone. Rows of documents have 100 added to their
-- partition: the primary key stays as it is, because processes of before name its columns.
alter table latency_sketches
  add column kind text not null default 'fetch' check (kind in ('document', 'fetch')),
  add column unfinished integer not null default 0,
  -- how long unfinished requests were waited for; null: there are none
  add column unfinished_sketch bytea;
