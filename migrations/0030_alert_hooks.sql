-- Up Migration
-- Entrances for alerting systems: what may be closed, and how a sender is known.
create table alert_hooks (
  name text primary key check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  source text not null check (source in ('alertmanager', 'grafana', 'datadog', 'pagerduty', 'generic')),
  authentication text not null check (authentication in ('secret', 'signature')),
  mode text not null check (mode in ('shadow', 'enforce')),
  -- every alert closes this feature, or all with this tag; both null: a label of the alert names it
  feature_id text,
  tag text,
  feature_label text not null,
  tag_label text not null,
  allowed_features text[] not null,
  allowed_tags text[] not null,
  -- SHA-256 of a secret that the sender shows; the secret itself where the sender signs, since a signature needs it
  secret bytea not null,
  old_secret bytea,
  old_secret_until timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  created_by text not null,
  updated_at timestamptz not null default now(),
  updated_by text not null,
  -- the last request that was refused, and why
  refused_at timestamptz,
  refusal text,
  check (feature_id is null or tag is null)
);

-- Each firing of an alert once: what comes again finds that it was carried out.
create table hook_alerts (
  hook text not null references alert_hooks on delete cascade,
  alert_key text not null,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  -- null: nothing was carried out (shadow, refused, failed)
  acted_at timestamptz,
  primary key (hook, alert_key)
);
create index hook_alerts_last_seen on hook_alerts (last_seen_at);

-- The newest thousand deliveries of each hook, with the outcome of each alert in them.
create table hook_deliveries (
  id bigint generated always as identity primary key,
  hook text not null references alert_hooks on delete cascade,
  at timestamptz not null default now(),
  mode text not null,
  alerts jsonb not null
);
create index hook_deliveries_hook on hook_deliveries (hook, id desc);

-- Down Migration
drop table hook_deliveries;
drop table hook_alerts;
drop table alert_hooks;
