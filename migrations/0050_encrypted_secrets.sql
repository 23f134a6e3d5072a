-- Up Migration
-- Secrets of notification targets may be encrypted. An origin of before knows nothing of that: by a type of its own such a target
-- is none that it would send to, and it may not write an address or a secret in plain text over one that is encrypted.
alter table notification_targets drop constraint notification_targets_type_check;
alter table notification_targets add constraint notification_targets_type_check
  check (type in ('slack', 'webhook', 'email', 'encrypted-slack', 'encrypted-webhook'));

create function keep_encrypted() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'the notification target % is encrypted: change it with an origin of this version', old.name
    using errcode = 'SL004';
end
$$;
create trigger notification_targets_encrypted before update on notification_targets
  for each row when (new.type like 'encrypted-%' and not new.config ? 'encrypted')
  execute function keep_encrypted();

-- As before, with the type of the channel in place of the one that tells whether it is encrypted.
create or replace function audit_target() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  fact jsonb;
begin
  if tg_op = 'DELETE' then
    perform public.audit_operator_change(public.deleting_actor(), 'target', 'target:' || old.name,
      'the notification target was deleted', old.version + 1, '{}');
    return null;
  end if;
  fact := jsonb_build_object(
    'type', new.config ->> 'type', 'events', to_jsonb(new.events), 'features', to_jsonb(new.features),
    'tags', to_jsonb(new.tags), 'enabled', new.enabled,
    'host', substring(new.config ->> 'url' from '^[a-z]+://(?:[^/@?#]*@)?([^/?#]+)'), 'to', new.config -> 'to');
  perform public.audit_operator_change(new.updated_by, 'target', 'target:' || new.name,
    case when tg_op = 'INSERT' then 'the notification target was made' else 'the notification target was changed' end,
    new.version, fact);
  return null;
end
$$;
