-- Up Migration
-- The service made partitions of the telemetry's tables itself, for which it had to own these tables and might create in the
-- schema: any table, function or trigger. Now functions of the owner make, index and drop them, and nothing else. Processes of
-- the version before go on as they did, so the rights go with contract_service_role(): here where no process has ever made a
-- partition, elsewhere by `sluice migrate --contract` once all processes have this version.

-- Of span_log by hour, of otel_spans by month, in UTC. Attached, not made as a partition of it: that would wait for readers.
-- null: it is there.
create function make_time_partition(parent text, begins timestamptz) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
  unit text := case parent when 'span_log' then 'hour' when 'otel_spans' then 'month' end;
  made text := parent || '_' || to_char(begins, case unit when 'hour' then 'YYYYMMDD_HH24' else 'YYYYMM' end);
  parent_class pg_class;
  space text;
begin
  if (begins = date_trunc(unit, begins)
    and begins between clock_timestamp() - interval '1 year' and clock_timestamp() + interval '4 months') is not true then
    raise exception 'no partition of % begins at %', parent, begins using errcode = 'insufficient_privilege';
  end if;
  select * into parent_class from pg_class where oid = ('public.' || parent)::regclass;
  perform from pg_inherits where inhparent = parent_class.oid and inhrelid = to_regclass('public.' || made);
  if found then
    return null;
  end if;
  -- Where `create table … partition of` would put it, which `like` does not say.
  select ' tablespace ' || quote_ident(spcname) into space from pg_tablespace where oid = parent_class.reltablespace;
  execute format('create table public.%I (like public.%I including all)%s', made, parent, coalesce(space, ''));
  perform public.give_partition(made, parent_class.relowner);
  execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)',
    parent, made, begins, begins + ('1 ' || unit)::interval);
  return made;
end
$$;

-- A partition is its table's owner's, so that a process of the version before can index and drop it.
create function give_partition(made text, owner oid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if owner <> current_user::regrole then
    execute format('alter table public.%I owner to %s', made, owner::regrole);
  elsif exists (select from pg_roles where rolname = 'sluice_service') then
    execute format('grant select, insert, update, delete on public.%I to sluice_service', made);
  end if;
end
$$;

-- Drops a partition whose time is over, or what a process of the version before has detached to be dropped. The partition is
-- locked before the table, and with a short patience: whoever holds a lock for long (a dump, a forgotten transaction) holds one
-- on the partition, and writers, who need the table and no old partition, wait for nobody.
create function drop_time_partition(parent text, partition_name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
  ends timestamptz := case parent
    when 'span_log' then to_timestamp(substring(partition_name from '^span_log_([0-9]{8}_[0-9]{2})$'), 'YYYYMMDD_HH24') + interval '1 hour'
    when 'otel_spans' then to_timestamp(substring(partition_name from '^otel_spans_([0-9]{6})$'), 'YYYYMM') + interval '1 month'
  end;
  is_over boolean;
  is_detached boolean;
begin
  select i.inhrelid is not null and ends < clock_timestamp(),
    i.inhrelid is null and starts_with(partition_name, parent || '_')
      and obj_description(c.oid, 'pg_class') = 'Detached by Sluice, to be dropped'
  into is_over, is_detached
  from pg_class c
  left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = ('public.' || parent)::regclass
  where c.oid = to_regclass('public.' || quote_ident(partition_name)) and c.relkind = 'r' and parent in ('span_log', 'otel_spans');
  if (is_over or is_detached) is not true then
    raise exception '% is no partition of % that is over', partition_name, parent using errcode = 'insufficient_privilege';
  end if;
  perform set_config('lock_timeout', '200ms', true);
  execute format('lock table only public.%I in access exclusive mode', partition_name);
  perform set_config('lock_timeout', '100ms', true);
  execute format('drop table public.%I', partition_name);
end
$$;

-- A run of units: its row, and its table attached to unit_evidence. Returns its number.
create function make_unit_run(of_partition smallint) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  made integer;
begin
  insert into public.unit_runs (partition) values (of_partition) returning run into made;
  execute format('create table public.unit_evidence_%s (like public.unit_evidence)', made);
  execute format('alter table public.unit_evidence_%1$s alter column run set default %1$s', made);
  perform public.give_partition('unit_evidence_' || made, (select relowner from pg_class where oid = 'public.unit_evidence'::regclass));
  execute format('alter table public.unit_evidence attach partition public.unit_evidence_%1$s for values in (%1$s)', made);
  return made;
end
$$;

create function index_unit_run(of_run integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from pg_inherits
  where inhparent = 'public.unit_evidence'::regclass and inhrelid = to_regclass('public.unit_evidence_' || of_run);
  if not found then
    raise exception 'there is no run % of units', of_run using errcode = 'insufficient_privilege';
  end if;
  execute format('create index if not exists %I on %s (unit_key)', 'unit_evidence_' || of_run || '_key', 'public.unit_evidence_' || of_run);
end
$$;

create function drop_unit_run(of_run integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from pg_inherits
  where inhparent = 'public.unit_evidence'::regclass and inhrelid = to_regclass('public.unit_evidence_' || of_run);
  if found then
    execute format('drop table public.unit_evidence_%s', of_run);
  end if;
  delete from public.unit_runs where run = of_run;
  delete from public.arrived_runs where run = of_run;
end
$$;

-- origin/span-log/fix-partitions.ts: a process of a version before appends to partitions below four, which nobody would fold.
create function refuse_older_writers(partitions integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  constraint_name text := format('log_has_%s_partitions_update_this_origin', partitions);
  fixed integer;
begin
  select a.partitions into fixed from public.aggregate_database a;
  if (partitions between 5 and 256 and partitions = coalesce(fixed, partitions)) is not true then
    raise exception 'the span log has % partitions, not %', coalesce(fixed, 4), partitions using errcode = 'insufficient_privilege';
  end if;
  perform from pg_constraint where conrelid = 'public.span_log'::regclass and conname = constraint_name;
  if not found then
    execute format('alter table public.span_log add constraint %I check (partition >= %s)', constraint_name, partitions);
  end if;
end
$$;

-- Takes from the service's role what this version does not need. Refused while the role has made something that is none of
-- ours: a trigger or policy that it has put on a table would run with the rights of whoever owns the table from now on.
create function contract_service_role() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owner regrole := (select relowner::regrole from pg_class where oid = 'public.feature_flags'::regclass);
  one regclass;
  strangers text;
begin
  if to_regrole('sluice_service') is null then
    return;
  end if;
  revoke create on schema public from sluice_service;
  for one in
    select c.oid from pg_class c left join pg_inherits i on i.inhrelid = c.oid
    where c.oid in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
      or i.inhparent in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
    order by i.inhparent nulls first, c.oid
  loop
    execute format('alter table %s owner to %s', one, owner);
    execute format('grant select, insert, update, delete on %s to sluice_service', one);
  end loop;

  select string_agg(found.what, ', ' order by found.what) into strangers
  from (
    select pg_describe_object(d.classid, d.objid, d.objsubid) as what
    from pg_shdepend d
    where d.deptype = 'o' and d.refclassid = 'pg_authid'::regclass and d.refobjid = 'sluice_service'::regrole
      and d.dbid = (select oid from pg_database where datname = current_database())
      and coalesce(obj_description(d.objid, 'pg_class'), '') <> 'Detached by Sluice, to be dropped'
    union all
    select pg_describe_object(t.classid, t.objid, 0)
    from (
      select 'pg_trigger'::regclass as classid, oid as objid, tgrelid as relation from pg_trigger where not tgisinternal
      union all select 'pg_policy'::regclass, oid, polrelid from pg_policy
      union all select 'pg_rewrite'::regclass, oid, ev_class from pg_rewrite
    ) t
    left join pg_inherits i on i.inhrelid = t.relation
    where coalesce(i.inhparent, t.relation)
      in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
  ) found;
  if strangers is not null then
    raise exception 'the role sluice_service has made what is not of Sluice: %. Look at it, and drop it', strangers;
  end if;
end
$$;

-- The way back, for a process of the version before.
create function expand_service_role() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  one regclass;
begin
  if to_regrole('sluice_service') is null then
    return;
  end if;
  grant create on schema public to sluice_service;
  for one in
    select c.oid from pg_class c left join pg_inherits i on i.inhrelid = c.oid
    where c.oid in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
      or i.inhparent in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
    order by i.inhparent nulls first, c.oid
  loop
    execute format('alter table %s owner to sluice_service', one);
  end loop;
end
$$;

-- What PUBLIC may call it gets by default. Triggers need no such right to fire.
do $$
declare
  one record;
  has_role boolean := to_regrole('sluice_service') is not null;
begin
  for one in
    select oid::regprocedure as name,
      prorettype <> 'trigger'::regtype and has_function_privilege('public', oid, 'execute')
        and proname not in ('give_partition', 'contract_service_role', 'expand_service_role') as is_called
    from pg_proc where pronamespace = 'public'::regnamespace
  loop
    execute format('revoke execute on function %s from public', one.name);
    if has_role and one.is_called then
      execute format('grant execute on function %s to sluice_service', one.name);
    end if;
  end loop;
  if not exists (select from pg_inherits where inhparent in ('span_log'::regclass, 'otel_spans'::regclass, 'unit_evidence'::regclass))
    and not exists (select from unit_runs) then
    perform contract_service_role();
  end if;
end
$$;
