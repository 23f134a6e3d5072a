-- Up Migration
-- News for people and programs outside: what is announced, and how far each target was told.

create table announcements (
  -- In the order of commits: whoever announces holds an advisory lock until its commit (origin/notifications/announce.ts).
  id bigint generated always as identity primary key,
  -- Names it outside. Ids come again after a restore.
  uid uuid not null default gen_random_uuid(),
  -- Of news that several processes may announce; null: it is announced once.
  key text unique,
  event text not null,
  -- When it happened.
  at timestamptz not null,
  announced_at timestamptz not null default clock_timestamp(),
  feature_id text,
  -- As they were then.
  tags text[] not null default '{}',
  document jsonb not null
);
create index announcements_announced on announcements (announced_at);

-- How far audit and evaluations are announced.
create table announcement_sources (
  only_row boolean primary key default true check (only_row),
  audit_seq bigint not null,
  evaluation_id bigint not null
);
insert into announcement_sources (audit_seq, evaluation_id)
select audit_seq, (select coalesce(max(id), 0) from pmf_evaluations) from state_head;

create table notification_targets (
  name text primary key check (char_length(name) between 1 and 64),
  version integer not null default 1,
  type text not null check (type in ('slack', 'webhook', 'email')),
  -- Addresses and secrets, by type.
  config jsonb not null,
  -- null: all of them.
  events text[],
  features text[],
  tags text[],
  enabled boolean not null default true,
  -- Made by a variable. Its secrets are in the environment alone.
  from_environment boolean not null default false,
  -- When a process that has the variable was there last.
  seen_at timestamptz,
  created_at timestamptz not null default now(),
  created_by text not null,
  updated_at timestamptz not null default now(),
  updated_by text not null,

  -- The last announcement that it was told, or that is none of its.
  told_to bigint not null,
  -- The last announcement of the message that is being sent: it is sent again as the same message.
  telling_to bigint,
  -- One process sends at a time.
  lease uuid,
  leased_until timestamptz,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  failing_since timestamptz,
  last_error text,
  last_success_at timestamptz,
  -- Announcements that were given up.
  dropped bigint not null default 0,
  -- Messages of the present minute.
  minute_began timestamptz,
  minute_messages integer not null default 0,
  replayed_at timestamptz
) with (fillfactor = 50);
