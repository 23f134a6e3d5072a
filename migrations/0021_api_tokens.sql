-- Up Migration
-- Tokens of people, scripts and edges. The token itself is not here: `digest` is its SHA-256.
create table api_tokens (
  token_id text primary key,
  digest bytea not null unique,
  name text not null check (char_length(name) between 1 and 100),
  scope text not null check (scope in ('viewer', 'editor', 'admin', 'ingest')),
  tags text[],
  created_at timestamptz not null default now(),
  created_by text not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_by text
);

-- The audit names an actor by the token's name, so two that can be used may not share one.
create unique index api_tokens_name on api_tokens (name) where revoked_at is null;

-- Down Migration
drop table api_tokens;
