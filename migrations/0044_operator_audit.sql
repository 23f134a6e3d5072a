-- Up Migration
-- What operators change beside features has its rows in the audit too: hooks, notification targets, approval policies, API tokens,
-- and that a unit was forgotten. Such a row raises the revision, as every row does: an edge witnesses the audit by the hash
-- that belongs to a revision.
create function audit_operator_change(
  actor text, kind text, subject text, reason text, version integer, details jsonb
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
  head state_head;
  now_at timestamptz;
  new_hash bytea;
begin
  select * into head from state_head for update;
  now_at := clock_timestamp();
  head.revision := head.revision + 1;
  head.audit_seq := head.audit_seq + 1;
  new_hash := sha256(head.audit_hash || convert_to(
    audit_text(head.audit_seq, now_at, actor, kind, subject, reason, version, 1, head.revision, details), 'UTF8'));
  insert into rollback_audit
    (seq, at, actor, action, feature_id, reason, version, epoch, revision, details, prev_hash, hash)
  values
    (head.audit_seq, now_at, actor, kind, subject, reason, version, 1, head.revision, details, head.audit_hash, new_hash);
  update state_head
  set revision = head.revision, audit_seq = head.audit_seq, audit_hash = new_hash;
  insert into outbox (topic, change_id, revision, payload)
  values ('state', gen_random_uuid(), head.revision, jsonb_build_object('result', jsonb_build_object(
    'outcome', 'committed', 'revision', head.revision, 'at', now_at, 'features', jsonb_build_array(), 'auditRows', 1)));
  perform pg_notify('sluice_outbox', head.revision::text);
end
$$;

-- Who deletes a row stands in no column of it.
create function deleting_actor() returns text language sql stable as $$
  select coalesce(nullif(current_setting('sluice.actor', true), ''), 'unknown')
$$;

create function audit_hook() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  fact jsonb;
begin
  if tg_op = 'DELETE' then
    perform audit_operator_change(deleting_actor(), 'hook', 'hook:' || old.name, 'the hook was deleted', old.version + 1, '{}');
    return null;
  end if;
  fact := to_jsonb(new) - array['name', 'secret', 'old_secret', 'version', 'created_at', 'created_by', 'updated_at',
    'updated_by', 'refused_at', 'refusal'];
  perform audit_operator_change(new.updated_by, 'hook', 'hook:' || new.name,
    case
      when tg_op = 'INSERT' then 'the hook was made'
      when old.secret is distinct from new.secret then 'the secret of the hook was replaced'
      else 'the hook was changed'
    end, new.version, fact);
  return null;
end
$$;
create trigger alert_hooks_made after insert or delete on alert_hooks
  for each row execute function audit_hook();
create trigger alert_hooks_changed after update on alert_hooks
  for each row when (old.version is distinct from new.version) execute function audit_hook();

-- Addresses hold secrets, so that the audit has their hosts alone.
create function audit_target() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  fact jsonb;
begin
  if tg_op = 'DELETE' then
    perform audit_operator_change(deleting_actor(), 'target', 'target:' || old.name, 'the notification target was deleted',
      old.version + 1, '{}');
    return null;
  end if;
  fact := jsonb_build_object(
    'type', new.type, 'events', to_jsonb(new.events), 'features', to_jsonb(new.features), 'tags', to_jsonb(new.tags),
    'enabled', new.enabled, 'host', substring(new.config ->> 'url' from '^[a-z]+://(?:[^/@?#]*@)?([^/?#]+)'),
    'to', new.config -> 'to');
  perform audit_operator_change(new.updated_by, 'target', 'target:' || new.name,
    case when tg_op = 'INSERT' then 'the notification target was made' else 'the notification target was changed' end,
    new.version, fact);
  return null;
end
$$;
create trigger notification_targets_made after insert on notification_targets
  for each row when (not new.from_environment) execute function audit_target();
create trigger notification_targets_deleted after delete on notification_targets
  for each row when (not old.from_environment) execute function audit_target();
create trigger notification_targets_changed after update on notification_targets
  for each row when (old.version is distinct from new.version and not new.from_environment) execute function audit_target();

create function audit_policy() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform audit_operator_change(new.actor, 'policy', 'policy:approval', new.reason, new.version,
    new.details || jsonb_build_object('tags', to_jsonb(new.tags)));
  return null;
end
$$;
create trigger approval_policies_audited after insert on approval_policies
  for each row execute function audit_policy();

create function audit_token() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    perform audit_operator_change(new.created_by, 'token', 'token:' || new.token_id, 'the token was made', 1,
      jsonb_build_object('name', new.name, 'scope', new.scope, 'tags', to_jsonb(new.tags), 'expiresAt', new.expires_at));
  else
    perform audit_operator_change(coalesce(new.revoked_by, 'unknown'), 'token', 'token:' || new.token_id,
      'the token was revoked', 2, jsonb_build_object('name', new.name, 'scope', new.scope));
  end if;
  return null;
end
$$;
create trigger api_tokens_made after insert on api_tokens
  for each row execute function audit_token();
create trigger api_tokens_revoked after update on api_tokens
  for each row when (old.revoked_at is null and new.revoked_at is not null) execute function audit_token();

do $$
begin
  revoke execute on function audit_operator_change(text, text, text, text, integer, jsonb) from public;
  if exists (select from pg_roles where rolname = 'sluice_service') then
    grant execute on function audit_operator_change(text, text, text, text, integer, jsonb) to sluice_service;
  end if;
end
$$;
