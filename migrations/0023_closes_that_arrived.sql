-- Up Migration
-- A close that reached an edge alone, ahead of the rest of its revision: the feature is closed there in this epoch.
create table edge_closes (
  url text not null references edge_targets on delete cascade,
  feature_id text not null,
  epoch integer not null,
  closed_at timestamptz not null default clock_timestamp(),
  primary key (url, feature_id)
);
do $$
begin
  if exists (select from pg_roles where rolname = 'sluice_service') then
    grant select, insert, update, delete on edge_closes to sluice_service;
  end if;
end
$$;

-- As in migration 0020. The head before the revision is found by the number of its audit row: by the revision, each commit
-- read the whole audit. Closes that do not fit into one notification are announced in several.
create or replace function announce_states() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  head state_head;
  change jsonb;
  announced jsonb;
  closes jsonb := '[]';
  next_close jsonb;
begin
  select * into head from state_head;
  change := jsonb_build_object(
    'revision', new.revision, 'since', new.revision - 1, 'full', false,
    'lineage', head.lineage, 'head', encode(head.audit_hash, 'hex'),
    'sinceHead', (
      select encode(prev_hash, 'hex') from rollback_audit
      where seq = head.audit_seq - jsonb_array_length(new.payload #> '{result,features}') + 1),
    'features', coalesce((
      select jsonb_agg(full_feature_state(f)) from feature_flags f where f.revision = new.revision), '[]'),
    'removed', coalesce((
      select jsonb_agg(feature_id) from feature_tombstones where revision = new.revision), '[]'));
  if octet_length(change::text) < 8000 then
    perform pg_notify('sluice_states', change::text);
    return null;
  end if;
  change := change || jsonb_build_object('since', new.revision, 'features', '[]'::jsonb, 'removed', '[]'::jsonb) - 'sinceHead';
  for next_close in
    select jsonb_build_object('featureId', feature_id, 'epoch', epoch, 'version', version)
    from (
      select feature_id, epoch, version from feature_flags where revision = new.revision and not enabled
      union all
      select feature_id, epoch, version from feature_tombstones where revision = new.revision
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

-- As in migration 0014. A deletion may be of a feature that only a lost history had: it names the epoch.
create or replace function commit_change(change jsonb) returns jsonb
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
    new_epoch := coalesce((next ->> 'epoch')::integer, old_epoch, (item ->> 'epoch')::integer);
    if next is null then
      delete from feature_flags where feature_id = item ->> 'featureId';
      insert into feature_tombstones as t (feature_id, revision, version, epoch, deleted_at)
      values (item ->> 'featureId', head.revision, new_version, new_epoch, now_at)
      on conflict (feature_id) do update set
        revision = excluded.revision, version = greatest(t.version + 1, excluded.version),
        epoch = greatest(t.epoch, excluded.epoch), deleted_at = excluded.deleted_at
      returning version, epoch into new_version, new_epoch;
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
        unit, targeting, routes, gate, activation, tags, requires, rollout_before_bps, rollback_reason, rolled_back_at,
        created_at, updated_at
      ) values (
        item ->> 'featureId', (next ->> 'enabled')::boolean, (next ->> 'rolloutBps')::integer,
        (next ->> 'holdoutBps')::integer, new_epoch, now_at, new_version, head.revision, next ->> 'failureMode',
        coalesce(next ->> 'unit', 'visitor'),
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
        unit = coalesce(next ->> 'unit', f.unit),
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
