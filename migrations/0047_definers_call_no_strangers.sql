-- Up Migration
-- What runs with the owner's rights names the schema of each table and function that it uses, and finds nothing else there but
-- what PostgreSQL brings. The service may create in this schema, for partitions, and so it could: PostgreSQL takes a function or
-- an operator whose types fit better before one of its own, as convert_to(text, text) for `convert_to(…, 'UTF8')`. That ran with
-- the rights of the owner. The text of the functions is otherwise what it was.
create or replace function commit_change(change jsonb)
returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  head public.state_head;
  item jsonb;
  next jsonb;
  have integer;
  now_at timestamptz;
  result jsonb;
  committed jsonb[] := '{}';
  old_epoch integer;
  new_version integer;
  new_epoch integer;
  new_rule_version integer;
  new_hash bytea;
  orphan text;
  first_seq bigint;
  given_segments jsonb := coalesce(change -> 'segments', '[]');
  given_ids text[];
begin
  select * into head from public.state_head for update;

  select payload -> 'result' into result from public.outbox where change_id = (change ->> 'changeId')::uuid;
  if found then
    return result;
  end if;

  for item in select jsonb_array_elements(change -> 'features') loop
    select version into have from public.feature_flags where feature_id = item ->> 'featureId';
    if have is distinct from (item ->> 'expectedVersion')::integer then
      return jsonb_build_object('outcome', 'conflict', 'featureId', item -> 'featureId', 'have', have);
    end if;
  end loop;

  -- Each segment is as the change was prepared from it. No `expectedVersion`: it must not exist.
  for item in
    select jsonb_array_elements(given_segments)
    union all
    select jsonb_array_elements(coalesce(part -> 'uses', '[]'))
    from jsonb_array_elements((change -> 'features') || given_segments) part
  loop
    select version into have from public.segments where segment_id = item ->> 'segmentId';
    if have is distinct from (item ->> 'expectedVersion')::integer then
      return jsonb_build_object('outcome', 'segmentConflict', 'segmentId', item -> 'segmentId');
    end if;
  end loop;

  -- And nothing has begun to use a segment whose condition changes or goes: each user of it is part of the change.
  given_ids := array(
    select part ->> 'segmentId' from jsonb_array_elements(given_segments) part where (part ->> 'moves')::boolean);
  if given_ids <> '{}' then
    select needed.segment_id into orphan
    from public.feature_flags f, unnest(f.segments) as needed (segment_id)
    where f.segments && given_ids and needed.segment_id = any (given_ids)
      and f.feature_id not in (select part ->> 'featureId' from jsonb_array_elements(change -> 'features') part)
    limit 1;
    if not found then
      select part ->> 'segmentId' into orphan
      from jsonb_array_elements(given_segments) part
      join public.segments s on s.uses @> array[part ->> 'segmentId'] and s.segment_id <> all (given_ids)
      where nullif(part -> 'next', 'null') is null and s.uses && given_ids
      limit 1;
    end if;
    if found then
      return jsonb_build_object('outcome', 'segmentConflict', 'segmentId', orphan);
    end if;
  end if;

  head.revision := head.revision + 1;
  now_at := clock_timestamp();
  first_seq := head.audit_seq;

  for item in select jsonb_array_elements(given_segments) loop
    next := nullif(item -> 'next', 'null');
    new_version := coalesce((item ->> 'expectedVersion')::integer, 0) + 1;
    if next is null then
      delete from public.segments where segment_id = item ->> 'segmentId';
      insert into public.segment_tombstones as t (segment_id, version) values (item ->> 'segmentId', new_version)
      on conflict (segment_id) do update set version = excluded.version;
    else
      if (item ->> 'expectedVersion') is null then
        delete from public.segment_tombstones where segment_id = item ->> 'segmentId' returning version + 1 into have;
        if found then
          new_version := have;
        end if;
      end if;
      insert into public.segments as s (segment_id, condition, description, uses, version, revision, created_at, updated_at)
      values (
        item ->> 'segmentId', next -> 'condition', next ->> 'description',
        array(select jsonb_array_elements_text(next -> 'uses')), new_version, head.revision, now_at, now_at
      )
      on conflict (segment_id) do update set
        condition = excluded.condition, description = excluded.description, uses = excluded.uses,
        version = excluded.version, revision = excluded.revision, updated_at = excluded.updated_at;
    end if;
    head.audit_seq := head.audit_seq + 1;
    new_hash := sha256(head.audit_hash || convert_to(public.audit_text(
      head.audit_seq, now_at, change ->> 'actor', 'segment', 'segment:' || (item ->> 'segmentId'), item ->> 'reason',
      new_version, 1, head.revision, item -> 'details'
    ), 'UTF8'));
    insert into public.rollback_audit
      (seq, at, actor, action, feature_id, reason, version, epoch, revision, details, prev_hash, hash)
    values (
      head.audit_seq, now_at, change ->> 'actor', 'segment', 'segment:' || (item ->> 'segmentId'), item ->> 'reason',
      new_version, 1, head.revision, item -> 'details', head.audit_hash, new_hash
    );
    head.audit_hash := new_hash;
  end loop;

  for item in select jsonb_array_elements(change -> 'features') loop
    next := nullif(item -> 'next', 'null');
    select epoch into old_epoch from public.feature_flags where feature_id = item ->> 'featureId';
    new_version := coalesce((item ->> 'expectedVersion')::integer, 0) + 1;
    new_epoch := coalesce((next ->> 'epoch')::integer, old_epoch, (item ->> 'epoch')::integer);
    if next is null then
      delete from public.feature_flags where feature_id = item ->> 'featureId';
      insert into public.feature_tombstones as t (feature_id, revision, version, epoch, deleted_at)
      values (item ->> 'featureId', head.revision, new_version, new_epoch, now_at)
      on conflict (feature_id) do update set
        revision = excluded.revision, version = greatest(t.version + 1, excluded.version),
        epoch = greatest(t.epoch, excluded.epoch), deleted_at = excluded.deleted_at
      returning version, epoch into new_version, new_epoch;
    else
      if (item ->> 'expectedVersion') is null then
        delete from public.feature_tombstones where feature_id = item ->> 'featureId'
        returning version + 1, greatest(epoch + 1, new_epoch) into have, old_epoch;
        if found then
          new_version := have;
          new_epoch := old_epoch;
        end if;
        old_epoch := null;
      end if;
      insert into public.feature_flags as f (
        feature_id, enabled, rollout_bps, holdout_bps, epoch, epoch_started_at, version, revision, failure_mode,
        unit, private, targeting, written_targeting, segments, routes, gate, activation, tags, requires, operator_fields, rollout_before_bps,
        rollback_reason, rolled_back_at, created_at, updated_at
      ) values (
        item ->> 'featureId', (next ->> 'enabled')::boolean, (next ->> 'rolloutBps')::integer,
        (next ->> 'holdoutBps')::integer, new_epoch, now_at, new_version, head.revision, next ->> 'failureMode',
        coalesce(next ->> 'unit', 'visitor'), coalesce((next ->> 'private')::boolean, false),
        nullif(next -> 'targeting', 'null'), nullif(next -> 'writtenTargeting', 'null'),
        array(select jsonb_array_elements_text(coalesce(next -> 'segments', '[]'))), next -> 'routes', nullif(next -> 'gate', 'null'),
        nullif(next -> 'activation', 'null'),
        array(select jsonb_array_elements_text(next -> 'tags')),
        array(select jsonb_array_elements_text(next -> 'requires')),
        coalesce(next -> 'operatorFields', '{}'),
        (next ->> 'rolloutBeforeBps')::integer, next ->> 'rollbackReason',
        case when (next ->> 'latched')::boolean then now_at end, now_at, now_at
      )
      on conflict (feature_id) do update set
        enabled = excluded.enabled, rollout_bps = excluded.rollout_bps, holdout_bps = excluded.holdout_bps,
        epoch = excluded.epoch,
        epoch_started_at = case when f.epoch = excluded.epoch then f.epoch_started_at else now_at end,
        version = excluded.version, revision = excluded.revision, failure_mode = excluded.failure_mode,
        unit = coalesce(next ->> 'unit', f.unit), private = coalesce((next ->> 'private')::boolean, f.private),
        targeting = excluded.targeting,
        written_targeting = case
          when next ? 'writtenTargeting' then excluded.written_targeting
          when excluded.targeting is not distinct from f.targeting then f.written_targeting
        end,
        segments = case
          when next ? 'writtenTargeting' then excluded.segments
          when excluded.targeting is not distinct from f.targeting then f.segments
          else '{}'
        end,
        routes = excluded.routes, gate = excluded.gate,
        activation = excluded.activation, tags = excluded.tags, requires = excluded.requires,
        operator_fields = f.operator_fields || excluded.operator_fields,
        rollout_before_bps = excluded.rollout_before_bps, rollback_reason = excluded.rollback_reason,
        rolled_back_at = case
          when excluded.rolled_back_at is null then null
          else coalesce(f.rolled_back_at, excluded.rolled_back_at)
        end,
        updated_at = now_at;
    end if;

    new_rule_version := null;
    if nullif(item -> 'rule', 'null') is not null then
      insert into public.pmf_rules as r (feature_id, rule, updated_at)
      values (item ->> 'featureId', item -> 'rule', now_at)
      on conflict (feature_id) do update
        set rule = excluded.rule, version = r.version + 1, updated_at = excluded.updated_at
      returning version into new_rule_version;
    end if;

    head.audit_seq := head.audit_seq + 1;
    new_hash := sha256(head.audit_hash || convert_to(public.audit_text(
      head.audit_seq, now_at, change ->> 'actor', item ->> 'action', item ->> 'featureId', item ->> 'reason',
      new_version, new_epoch, head.revision, item -> 'details'
    ), 'UTF8'));
    insert into public.rollback_audit
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
  from public.feature_flags f, unnest(f.requires) as needed (feature_id)
  left join public.feature_flags g on g.feature_id = needed.feature_id
  where f.enabled and g.enabled is not true
    and (
      f.feature_id in (select c ->> 'featureId' from unnest(committed) c)
      or f.requires && array(select c ->> 'featureId' from unnest(committed) c)
    )
  limit 1;
  if found then
    raise exception '% would be open while a feature that it requires is not', orphan
      using errcode = 'SL001', detail = orphan;
  end if;

  update public.state_head
  set revision = head.revision, audit_seq = head.audit_seq, audit_hash = head.audit_hash;
  result := jsonb_build_object(
    'outcome', 'committed', 'revision', head.revision, 'at', now_at, 'features', to_jsonb(committed),
    'auditRows', head.audit_seq - first_seq
  );
  insert into public.outbox (topic, change_id, revision, payload)
  values ('state', (change ->> 'changeId')::uuid, head.revision, jsonb_build_object('result', result));
  perform pg_notify('sluice_outbox', head.revision::text);
  return result;
end
$$;

create or replace function audit_operator_change(actor text, kind text, subject text, reason text, version integer, details jsonb)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  head public.state_head;
  now_at timestamptz;
  new_hash bytea;
begin
  select * into head from public.state_head for update;
  now_at := clock_timestamp();
  head.revision := head.revision + 1;
  head.audit_seq := head.audit_seq + 1;
  new_hash := sha256(head.audit_hash || convert_to(
    public.audit_text(head.audit_seq, now_at, actor, kind, subject, reason, version, 1, head.revision, details), 'UTF8'));
  insert into public.rollback_audit
    (seq, at, actor, action, feature_id, reason, version, epoch, revision, details, prev_hash, hash)
  values
    (head.audit_seq, now_at, actor, kind, subject, reason, version, 1, head.revision, details, head.audit_hash, new_hash);
  update public.state_head
  set revision = head.revision, audit_seq = head.audit_seq, audit_hash = new_hash;
  insert into public.outbox (topic, change_id, revision, payload)
  values ('state', gen_random_uuid(), head.revision, jsonb_build_object('result', jsonb_build_object(
    'outcome', 'committed', 'revision', head.revision, 'at', now_at, 'features', jsonb_build_array(), 'auditRows', 1)));
  perform pg_notify('sluice_outbox', head.revision::text);
end
$$;

create or replace function audit_hook()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  fact jsonb;
begin
  if tg_op = 'DELETE' then
    perform public.audit_operator_change(public.deleting_actor(), 'hook', 'hook:' || old.name, 'the hook was deleted', old.version + 1, '{}');
    return null;
  end if;
  fact := to_jsonb(new) - array['name', 'secret', 'old_secret', 'version', 'created_at', 'created_by', 'updated_at',
    'updated_by', 'refused_at', 'refusal'];
  perform public.audit_operator_change(new.updated_by, 'hook', 'hook:' || new.name,
    case
      when tg_op = 'INSERT' then 'the hook was made'
      when old.secret is distinct from new.secret then 'the secret of the hook was replaced'
      else 'the hook was changed'
    end, new.version, fact);
  return null;
end
$$;

create or replace function audit_target()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  fact jsonb;
begin
  if tg_op = 'DELETE' then
    perform public.audit_operator_change(public.deleting_actor(), 'target', 'target:' || old.name, 'the notification target was deleted',
      old.version + 1, '{}');
    return null;
  end if;
  fact := jsonb_build_object(
    'type', new.type, 'events', to_jsonb(new.events), 'features', to_jsonb(new.features), 'tags', to_jsonb(new.tags),
    'enabled', new.enabled, 'host', substring(new.config ->> 'url' from '^[a-z]+://(?:[^/@?#]*@)?([^/?#]+)'),
    'to', new.config -> 'to');
  perform public.audit_operator_change(new.updated_by, 'target', 'target:' || new.name,
    case when tg_op = 'INSERT' then 'the notification target was made' else 'the notification target was changed' end,
    new.version, fact);
  return null;
end
$$;

create or replace function audit_policy()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform public.audit_operator_change(new.actor, 'policy', 'policy:approval', new.reason, new.version,
    new.details || jsonb_build_object('tags', to_jsonb(new.tags)));
  return null;
end
$$;

create or replace function audit_token()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform public.audit_operator_change(new.created_by, 'token', 'token:' || new.token_id, 'the token was made', 1,
      jsonb_build_object('name', new.name, 'scope', new.scope, 'tags', to_jsonb(new.tags), 'expiresAt', new.expires_at));
  else
    perform public.audit_operator_change(coalesce(new.revoked_by, 'unknown'), 'token', 'token:' || new.token_id,
      'the token was revoked', 2, jsonb_build_object('name', new.name, 'scope', new.scope));
  end if;
  return null;
end
$$;

create or replace function announce_states()
returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  head public.state_head;
  change jsonb;
  announced jsonb;
  closes jsonb := '[]';
  next_close jsonb;
begin
  select * into head from public.state_head;
  change := jsonb_build_object(
    'revision', new.revision, 'since', new.revision - 1, 'full', false,
    'lineage', head.lineage, 'head', encode(head.audit_hash, 'hex'),
    'sinceHead', (
      select encode(prev_hash, 'hex') from public.rollback_audit
      where seq = head.audit_seq + 1
        - coalesce((new.payload #>> '{result,auditRows}')::integer, jsonb_array_length(new.payload #> '{result,features}'))),
    'features', coalesce((
      select jsonb_agg(public.full_feature_state(f)) from public.feature_flags f where f.revision = new.revision), '[]'),
    'removed', coalesce((
      select jsonb_agg(feature_id) from public.feature_tombstones where revision = new.revision), '[]'));
  if octet_length(change::text) < 8000 then
    perform pg_notify('sluice_states', change::text);
    return null;
  end if;
  change := change || jsonb_build_object('since', new.revision, 'features', '[]'::jsonb, 'removed', '[]'::jsonb) - 'sinceHead';
  for next_close in
    select jsonb_build_object('featureId', feature_id, 'epoch', epoch, 'version', version)
    from (
      select feature_id, epoch, version from public.feature_flags where revision = new.revision and not enabled
      union all
      select feature_id, epoch, version from public.feature_tombstones where revision = new.revision
    ) closed
  loop
    closes := closes || next_close;
    announced := change || jsonb_build_object('closes', closes);
    -- One close has less than 200 bytes.
    if octet_length(announced::text) >= 7800 then
      perform pg_notify('sluice_states', announced::text);
      closes := '[]';
    end if;
  end loop;
  if closes <> '[]' then
    perform pg_notify('sluice_states', (change || jsonb_build_object('closes', closes))::text);
  end if;
  return null;
end
$$;

create or replace function begin_lineage()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  here text := public.history_place();
begin
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if new.place is distinct from here or new.lineage = '' then
    new.place := here;
    new.lineage := left(replace(gen_random_uuid()::text, '-', ''), 16);
    insert into public.lineages (id, revision, head, place) values (new.lineage, old.revision, old.audit_hash, here);
  end if;
  return new;
end
$$;

create or replace function history_place()
returns text
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select (select system_identifier from pg_control_system())::text
    || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
    || '.' || (select oid from pg_database where datname = current_database())::text
$$;

create or replace function note_lineage(rewound boolean default false)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  head public.state_head;
begin
  select * into head from public.state_head;
  if rewound or head.place is distinct from public.history_place() then
    update public.state_head set place = case when rewound then '' else place end returning * into head;
  end if;
  return head.lineage;
end
$$;

create or replace function raise_revision(above bigint)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  head bigint;
begin
  select revision into head from public.state_head for update;
  if above > head + 1000000 then
    raise exception 'revision % is more than 1000000 above %: not raised', above, head using errcode = 'SL003';
  end if;
  update public.state_head set revision = above + 1, base = above + 1 where revision <= above;
end
$$;

create or replace function refuse_early_deletion()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if old.confirmed_at > clock_timestamp() - interval '7 days'
    or old.confirmed_at > clock_timestamp() - interval '400 days'
      and exists (select from public.rollback_audit a where a.revision = old.revision and a.action = 'rollback') then
    raise exception 'the confirmation of revision % by % is kept for its receipt', old.revision, old.edge_url
      using errcode = 'insufficient_privilege';
  end if;
  return old;
end
$$;

create or replace function count_features_bytes()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  grown bigint := 0;
  total bigint;
begin
  if tg_op <> 'DELETE' then
    grown := public.feature_bytes(new);
  end if;
  if tg_op <> 'INSERT' then
    grown := grown - public.feature_bytes(old);
  end if;
  update public.state_head set features_bytes = features_bytes + grown returning features_bytes into total;
  if grown > 0 and total > public.features_limit() then
    raise exception 'all features together would have % bytes, and % are allowed', total, public.features_limit()
      using errcode = 'SL002', detail = jsonb_build_object('bytes', total, 'limit', public.features_limit())::text;
  end if;
  return null;
end
$$;

create or replace function full_feature_state(f feature_flags)
returns jsonb
language sql stable parallel safe
as $$
  select public.feature_state(f) || jsonb_build_object('unit', f.unit)
    || case when f.private then '{"private": true}' else '{}' end::jsonb
$$;
