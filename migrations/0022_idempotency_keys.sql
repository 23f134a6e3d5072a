-- Up Migration
-- Answers to requests that named an Idempotency-Key, for a day: whoever lost the answer asks again and gets the same one.
create table idempotency_keys (
  actor text not null,
  key text not null,
  -- SHA-256 of method, path and body: the key stands for one request
  request bytea not null,
  begun_at timestamptz not null default now(),
  -- null while the request is carried out
  answer jsonb,
  primary key (actor, key)
);
create index idempotency_keys_begun on idempotency_keys (begun_at);

-- Down Migration
drop table idempotency_keys;
