-- Up Migration
-- What the edge serves, what each feature has to achieve, and who changed it.
-- Every change goes through commit_change() below, which takes one lock: the row of state_head. All other rows here
-- are written only under it, so there is no order of locks to get wrong and no deadlock.

-- One row, locked first and held until commit, so revisions and audit hashes follow the order of commits
-- (a sequence would hand out numbers that commit in another order).
create table state_head (
  only_row boolean primary key default true check (only_row),
  revision bigint not null default 0,
  audit_seq bigint not null default 0,
  audit_hash bytea not null default '\x'
);
insert into state_head default values;

create table feature_flags (
  feature_id text primary key,
  enabled boolean not null,
  rollout_bps integer not null check (rollout_bps between 0 and 10000),
  holdout_bps integer not null check (holdout_bps between 0 and 10000),
  epoch integer not null default 1,
  epoch_started_at timestamptz not null default now(),
  -- counts the changes of this feature's state; expected by every write
  version integer not null default 1,
  -- the installation's revision at which this state was committed
  revision bigint not null,
  failure_mode text not null default 'static' check (failure_mode in ('static', 'closed')),
  targeting jsonb,
  routes jsonb not null default '[]',
  gate jsonb,
  activation jsonb,
  tags text[] not null default '{}',
  requires text[] not null default '{}',
  -- what the rollout was when the feature was rolled back
  rollout_before_bps integer,
  rollback_reason text,
  -- set while the feature is latched: rolled back and not yet enabled again
  rolled_back_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (rollout_bps + holdout_bps <= 10000)
);
create index feature_flags_revision on feature_flags (revision);
create index feature_flags_requires on feature_flags using gin (requires);
create index feature_flags_tags on feature_flags using gin (tags);

-- Deleted features, so that an edge that was away learns of it, and one that is made again under the old id
-- continues with the next epoch: it must not inherit evidence.
create table feature_tombstones (
  feature_id text primary key,
  revision bigint not null,
  version integer not null default 0,
  epoch integer not null default 0,
  deleted_at timestamptz not null default now()
);
create index feature_tombstones_revision on feature_tombstones (revision);

create table pmf_rules (
  feature_id text primary key references feature_flags on delete cascade,
  version integer not null default 1,
  rule jsonb not null,
  updated_at timestamptz not null default now()
);

create table rollback_audit (
  seq bigint primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  feature_id text not null,
  reason text not null,
  version integer not null,
  epoch integer not null,
  revision bigint not null,
  details jsonb not null default '{}',
  prev_hash bytea not null,
  hash bytea not null
);
create index rollback_audit_feature on rollback_audit (feature_id, seq);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'rollback_audit is append-only';
end
$$;
create trigger rollback_audit_append_only before update or delete or truncate on rollback_audit
  for each statement execute function refuse_audit_change();

-- What an audit row's hash covers, beside the hash of the row before. JSON, so that no two rows share a text.
create function audit_text(
  seq bigint, at timestamptz, actor text, action text, feature_id text, reason text,
  version integer, epoch integer, revision bigint, details jsonb
) returns text language sql stable as $$
  select jsonb_build_array(
    seq, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, action, feature_id, reason,
    version, epoch, revision, details
  )::text
$$;

-- What has to be told to the world. Topic 'state' is one row a revision; others are for those who operate Sluice.
create table outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  -- given by whoever commits, so that a commit whose answer was lost can be repeated without effect
  change_id uuid unique,
  revision bigint not null,
  payload jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  last_error text,
  done_at timestamptz
);
create index outbox_due on outbox (topic, revision, id) where done_at is null;
create index outbox_revision on outbox (revision);

-- What is known of each edge: the newest answer of its hub, and how long it has been failing.
create table edge_targets (
  url text primary key,
  revision bigint,
  -- [{region, revision, ms}] of the newest answer
  regions jsonb not null default '[]',
  confirmed_at timestamptz,
  failing_since timestamptz,
  attempts integer not null default 0,
  last_error text
);

-- Which region of which edge confirmed which revision, when; ms as the edge's hub measured it.
create table edge_receipts (
  edge_url text not null,
  region text not null,
  revision bigint not null,
  ms double precision not null,
  confirmed_at timestamptz not null default clock_timestamp(),
  primary key (revision, edge_url, region)
);

-- How far each edge is for certain: the hub and all regions of its newest answer.
create view edge_progress as
select t.*, least(
  coalesce(t.revision, 0),
  (select min((region ->> 'revision')::bigint) from jsonb_array_elements(t.regions) region)
) as complete_revision
from edge_targets t;

-- What has been failing for a minute or longer, and is still being tried.
create view dead_letters as
select 'message' as kind, topic as target, revision, created_at as failing_since, attempts, last_error
from outbox
where done_at is null and attempts > 1 and created_at < clock_timestamp() - interval '1 minute'
union all
select 'edge', url, revision, failing_since, attempts, last_error
from edge_targets
where failing_since < clock_timestamp() - interval '1 minute';

-- Commits one change of one or more features in one round trip: states, rules, audit rows, revision, outbox row.
--
-- change = {changeId, actor, features: [{featureId, expectedVersion|null, action, reason, details,
--           next: {enabled, rolloutBps, …, latched}|null, rule: {…}|null}]}
-- expectedVersion null: must not exist. next null: is deleted. rule null: stays as it is.
-- Returns {outcome: 'committed', revision, at, features: [{featureId, version, ruleVersion}]} or, with nothing
-- written, {outcome: 'conflict', featureId, have}. Raises SL001 (detail: the feature's id) when a feature would be
-- open while one that it requires is not.
--
-- Repeating a changeId returns the first outcome. That is how a caller whose connection broke learns what happened:
-- the lock makes the repetition wait for the first attempt, or the first attempt find the repetition.
-- Runs with its owner's rights: the service's role needs no right to write these tables.
create function commit_change(change jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  head state_head;
  item jsonb;
  next jsonb;
  have integer;
  now_at timestamptz;
  result jsonb;
  committed jsonb := '[]';
  old_epoch integer;
  new_version integer;
  new_epoch integer;
  new_rule_version integer;
  new_hash bytea;
  orphan text;
begin
  select * into head from state_head for update;

  select payload -> 'result' into result from outbox where change_id = (change ->> 'changeId')::uuid;
  if found then
    return result;
  end if;

  for item in select jsonb_array_elements(change -> 'features') loop
    select version into have from feature_flags where feature_id = item ->> 'featureId';
    if have is distinct from (item ->> 'expectedVersion')::integer then
      return jsonb_build_object('outcome', 'conflict', 'featureId', item -> 'featureId', 'have', have);
    end if;
  end loop;

  head.revision := head.revision + 1;
  now_at := clock_timestamp();

  for item in select jsonb_array_elements(change -> 'features') loop
    next := nullif(item -> 'next', 'null');
    select epoch into old_epoch from feature_flags where feature_id = item ->> 'featureId';
    new_version := coalesce((item ->> 'expectedVersion')::integer, 0) + 1;
    new_epoch := coalesce((next ->> 'epoch')::integer, old_epoch);
    if next is null then
      delete from feature_flags where feature_id = item ->> 'featureId';
      insert into feature_tombstones (feature_id, revision, version, epoch, deleted_at)
      values (item ->> 'featureId', head.revision, new_version, new_epoch, now_at);
    else
      if (item ->> 'expectedVersion') is null then
        delete from feature_tombstones where feature_id = item ->> 'featureId'
        returning version + 1, greatest(epoch + 1, new_epoch) into have, old_epoch;
        if found then
          new_version := have;
          new_epoch := old_epoch;
        end if;
        old_epoch := null;
      end if;
      insert into feature_flags as f (
        feature_id, enabled, rollout_bps, holdout_bps, epoch, epoch_started_at, version, revision, failure_mode,
        targeting, routes, gate, activation, tags, requires, rollout_before_bps, rollback_reason, rolled_back_at,
        created_at, updated_at
      ) values (
        item ->> 'featureId', (next ->> 'enabled')::boolean, (next ->> 'rolloutBps')::integer,
        (next ->> 'holdoutBps')::integer, new_epoch, now_at, new_version, head.revision, next ->> 'failureMode',
        nullif(next -> 'targeting', 'null'), next -> 'routes', nullif(next -> 'gate', 'null'),
        nullif(next -> 'activation', 'null'),
        array(select jsonb_array_elements_text(next -> 'tags')),
        array(select jsonb_array_elements_text(next -> 'requires')),
        (next ->> 'rolloutBeforeBps')::integer, next ->> 'rollbackReason',
        case when (next ->> 'latched')::boolean then now_at end, now_at, now_at
      )
      on conflict (feature_id) do update set
        enabled = excluded.enabled, rollout_bps = excluded.rollout_bps, holdout_bps = excluded.holdout_bps,
        epoch = excluded.epoch,
        epoch_started_at = case when f.epoch = excluded.epoch then f.epoch_started_at else now_at end,
        version = excluded.version, revision = excluded.revision, failure_mode = excluded.failure_mode,
        targeting = excluded.targeting, routes = excluded.routes, gate = excluded.gate,
        activation = excluded.activation, tags = excluded.tags, requires = excluded.requires,
        rollout_before_bps = excluded.rollout_before_bps, rollback_reason = excluded.rollback_reason,
        rolled_back_at = case
          when excluded.rolled_back_at is null then null
          else coalesce(f.rolled_back_at, excluded.rolled_back_at)
        end,
        updated_at = now_at;
    end if;

    new_rule_version := null;
    if nullif(item -> 'rule', 'null') is not null then
      insert into pmf_rules as r (feature_id, rule, updated_at)
      values (item ->> 'featureId', item -> 'rule', now_at)
      on conflict (feature_id) do update
        set rule = excluded.rule, version = r.version + 1, updated_at = excluded.updated_at
      returning version into new_rule_version;
    end if;

    head.audit_seq := head.audit_seq + 1;
    new_hash := sha256(head.audit_hash || convert_to(audit_text(
      head.audit_seq, now_at, change ->> 'actor', item ->> 'action', item ->> 'featureId', item ->> 'reason',
      new_version, new_epoch, head.revision, item -> 'details'
    ), 'UTF8'));
    insert into rollback_audit
      (seq, at, actor, action, feature_id, reason, version, epoch, revision, details, prev_hash, hash)
    values (
      head.audit_seq, now_at, change ->> 'actor', item ->> 'action', item ->> 'featureId', item ->> 'reason',
      new_version, new_epoch, head.revision, item -> 'details', head.audit_hash, new_hash
    );
    head.audit_hash := new_hash;
    committed := committed || jsonb_build_object(
      'featureId', item -> 'featureId', 'version', new_version, 'epoch', new_epoch,
      'ruleVersion', new_rule_version, 'action', item -> 'action', 'reason', item -> 'reason',
      'enabled', coalesce((next ->> 'enabled')::boolean, false)
    );
  end loop;

  select f.feature_id into orphan
  from feature_flags f, unnest(f.requires) as needed (feature_id)
  left join feature_flags g on g.feature_id = needed.feature_id
  where f.enabled and g.enabled is not true
    and (
      f.feature_id in (select c ->> 'featureId' from jsonb_array_elements(committed) c)
      or f.requires && array(select c ->> 'featureId' from jsonb_array_elements(committed) c)
    )
  limit 1;
  if found then
    raise exception '% would be open while a feature that it requires is not', orphan
      using errcode = 'SL001', detail = orphan;
  end if;

  update state_head
  set revision = head.revision, audit_seq = head.audit_seq, audit_hash = head.audit_hash;
  result := jsonb_build_object(
    'outcome', 'committed', 'revision', head.revision, 'at', now_at, 'features', committed
  );
  insert into outbox (topic, change_id, revision, payload)
  values ('state', (change ->> 'changeId')::uuid, head.revision, jsonb_build_object('result', result));
  perform pg_notify('sluice_outbox', head.revision::text);
  return result;
end
$$;

-- For a database that was restored from an older state than the edges have seen: they refuse what is not newer.
create function raise_revision(above bigint) returns void
language sql security definer set search_path = public, pg_temp as $$
  update state_head set revision = above + 1 where revision <= above
$$;
