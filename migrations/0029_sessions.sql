-- Up Migration
-- Whom a token was made for by a sign-in; null: it stands for itself. An older origin names such a token by its name.
alter table api_tokens
  add column holder text,
  add column issuer text,
  add column subject text;

-- Sessions of people in browsers. The id that a cookie holds is not here: `digest` is its SHA-256.
create table sessions (
  session_id text primary key,
  digest bytea not null unique,
  actor text not null,
  scope text not null check (scope in ('viewer', 'editor', 'admin')),
  tags text[],
  method text not null check (method in ('token', 'link', 'oidc')),
  -- the token that it was made with: it does what that one may, and ends with it
  token_id text references api_tokens,
  -- who the provider says it is, and by which session there
  issuer text,
  subject text,
  provider_session text,
  -- a hint for the provider when the person signs out; removed with the session's end
  id_token text,
  user_agent text,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  ended_by text
);
create index sessions_subject on sessions (issuer, subject) where ended_at is null;

-- Codes that can be used once: of a link that signs in, and of a command line that wants a token.
create table sign_in_codes (
  digest bytea primary key,
  purpose text not null check (purpose in ('link', 'cli')),
  actor text not null,
  scope text not null check (scope in ('viewer', 'editor', 'admin')),
  tags text[],
  token_id text references api_tokens,
  issuer text,
  subject text,
  -- SHA-256 of what the command line keeps for itself, and the name of its machine
  challenge bytea,
  machine text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);

-- Down Migration
drop table sign_in_codes;
drop table sessions;
alter table api_tokens
  drop column holder,
  drop column issuer,
  drop column subject;
