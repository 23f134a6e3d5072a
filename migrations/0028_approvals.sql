-- Up Migration
-- Four eyes: which tags ask for a second person, and the changes that wait for one.

-- Every policy that was ever in force; the one with the greatest version is. The service may add to it and change nothing.
create table approval_policies (
  version integer primary key,
  tags text[] not null,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  reason text not null,
  -- who approved it, or that it was forced
  details jsonb not null default '{}'
);

create function refuse_policy_change() returns trigger language plpgsql as $$
begin
  raise exception 'approval_policies is append-only';
end
$$;
create trigger approval_policies_append_only before update or delete or truncate on approval_policies
  for each statement execute function refuse_policy_change();

create table approval_requests (
  seq bigint generated always as identity primary key,
  approval_id text not null unique,
  -- under which the change is committed once, also when a process dies in the middle
  change_id uuid not null unique default gen_random_uuid(),
  -- the change, the features' versions that it is about, and what it does to each field
  subject jsonb not null,
  base jsonb not null,
  diff jsonb not null,
  -- SHA-256 over subject and base
  hash text not null,
  -- that ask for the approval
  tags text[] not null,
  -- of the features before and after the change: whoever approves must be allowed to change them
  feature_tags jsonb not null,
  feature_ids text[] not null,
  reason text not null,
  asked_by text not null,
  asked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  -- approved: it is being carried out
  state text not null default 'open'
    check (state in ('open', 'approved', 'applied', 'rejected', 'withdrawn', 'stale', 'failed')),
  decided_by text,
  decided_at timestamptz,
  decision_reason text,
  -- the revision, what has moved, or why it could not be carried out
  outcome jsonb
);
-- Whoever asks for the same once more gets the same request.
create unique index approval_requests_open on approval_requests (hash, asked_by) where state = 'open';
create index approval_requests_approved on approval_requests (decided_at) where state = 'approved';

-- What happens beside changes of features, for those who watch.
create table operator_events (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  kind text not null,
  document jsonb not null
);

create function announce_approval() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  insert into operator_events (kind, document) values ('approval', jsonb_build_object(
    'approvalId', new.approval_id, 'state', new.state, 'featureIds', new.feature_ids, 'reason', new.reason,
    'askedBy', new.asked_by, 'decidedBy', new.decided_by, 'decisionReason', new.decision_reason));
  return null;
end
$$;
create trigger approval_requests_asked after insert on approval_requests
  for each row execute function announce_approval();
create trigger approval_requests_decided after update of state on approval_requests
  for each row when (old.state is distinct from new.state) execute function announce_approval();

create function announce_policy() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  insert into operator_events (kind, document) values ('policy', jsonb_build_object(
    'version', new.version, 'tags', new.tags, 'actor', new.actor, 'reason', new.reason, 'details', new.details));
  return null;
end
$$;
create trigger approval_policies_set after insert on approval_policies
  for each row execute function announce_policy();

do $$
begin
  if exists (select from pg_roles where rolname = 'sluice_service') then
    revoke update, delete on approval_policies from sluice_service;
  end if;
end
$$;

-- Down Migration
drop table operator_events, approval_requests, approval_policies cascade;
drop function announce_approval(), announce_policy(), refuse_policy_change();
