-- Up Migration
-- The role that the service works as. It owns none of what decides about features: those tables change through
-- commit_change() alone, and an audit row can be written but never altered. Where the migrating role may not make
-- roles (some hosted databases), the service goes on as the migrating role.
do $$
begin
  if not exists (select from pg_roles where rolname = 'sluice_service') then
    begin
      create role sluice_service nologin;
    exception
      -- Another database of the same server was migrated in the same moment.
      when duplicate_object or unique_violation then null;
      when insufficient_privilege then
        raise warning 'role sluice_service could not be made; the service keeps the rights of %', current_user;
        return;
    end;
  end if;

  -- Lets the migrating role become the service, and give it tables below.
  execute format('grant sluice_service to %I', current_user);

  grant usage, create on schema public to sluice_service;
  grant select, insert, update, delete on all tables in schema public to sluice_service;
  grant usage on all sequences in schema public to sluice_service;
  alter default privileges in schema public grant select, insert, update, delete on tables to sluice_service;
  alter default privileges in schema public grant usage on sequences to sluice_service;

  revoke insert, update, delete on
    state_head, feature_flags, feature_tombstones, pmf_rules, rollback_audit, schema_migrations
    from sluice_service;
  revoke execute on function commit_change(jsonb), raise_revision(bigint) from public;
  grant execute on function commit_change(jsonb), raise_revision(bigint) to sluice_service;

  -- Partitions are made and dropped by the service, which only their owner may.
  alter table span_log owner to sluice_service;
  alter table otel_spans owner to sluice_service;
end
$$;
